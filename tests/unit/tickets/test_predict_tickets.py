"""From a model to an answer through embed_tickets, build_faiss_index and predict_tickets, against brute force."""

import json
from collections import Counter

import numpy as np
import pytest
from in_process import run

from lib.errors import BadInput
from lib.tickets import model, saving

ASKED = ["the tunnel of my vpn drops", "two chairs for the office", "the badge of my colleague is refused"]


@pytest.fixture(scope="module", params=[None, 8])
def made(request, world, tmp_path_factory):
    """(world, width, flags of predict_tickets.py) with vectors and index on disk."""
    folder = tmp_path_factory.mktemp("index")
    read = ["--model", world.saved, "--data", world.data]
    run("embed_tickets.py", *read, *(["--dim", request.param] if request.param else []), "--out", folder / "vectors")
    run("build_faiss_index.py", "--vectors", folder / "vectors", "--metric", "cosine", "--out", folder / "index")
    return world, request.param or 32, [*read, "--index", folder / "index"]


def answers(made, capsys, *arguments: object) -> list[dict]:
    capsys.readouterr()
    run("predict_tickets.py", *ASKED, *made[2], "--json", *arguments)
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def brute(made) -> tuple[np.ndarray, np.ndarray]:
    """Rows of all tickets, best first, and their cosine, for each question."""
    world, dim, _ = made
    encode = saving.load(world.saved)
    scores = model.unit(encode(ASKED), dim) @ model.unit(encode(world.tickets.texts), dim).T
    return np.argsort(-scores, axis=1, kind="stable"), -np.sort(-scores, axis=1)


def test_similar_tickets_are_those_of_brute_force(made, capsys):
    tickets, (rows, scores) = made[0].tickets, brute(made)
    for answer, text, order, expected in zip(answers(made, capsys, "--top", 7), ASKED, rows, scores):
        assert answer["text"] == text
        assert [row["score"] for row in answer["similar"]] == pytest.approx(expected[:7], abs=1e-4)
        for row in answer["similar"]:
            at = tickets.ids.index(row["id"])
            assert row["text"] == tickets.texts[at]
            assert row["label"] == (tickets.group_names[tickets.groups[at]] if tickets.groups[at] >= 0 else None)
        assert answer["similar"][0]["id"] == tickets.ids[order[0]]


def test_the_nearest_labelled_tickets_vote(made, capsys):
    tickets, (rows, scores) = made[0].tickets, brute(made)
    for answer, order, own in zip(answers(made, capsys, "--classify", "--neighbours", 5), rows, scores):
        voting = [at for at, row in enumerate(order) if tickets.groups[row] >= 0][:5]
        votes = Counter(tickets.group_names[tickets.groups[order[at]]] for at in voting)
        assert {row["label"]: row["votes"] for row in answer["labels"]} == votes
        shares = [row["share"] for row in answer["labels"]]
        assert shares == sorted(shares, reverse=True)
        first = answer["labels"][0]["label"]
        weight = sum(max(0, own[at]) for at in voting if tickets.group_names[tickets.groups[order[at]]] == first)
        assert shares[0] == pytest.approx(weight / sum(max(0, own[at]) for at in voting), abs=1e-3)


def test_a_table_for_people(made, capsys):
    capsys.readouterr()
    run("predict_tickets.py", ASKED[0], *made[2], "--top", 3, "--classify")
    asked, *lines = capsys.readouterr().out.splitlines()
    assert asked == ASKED[0]
    assert len([line for line in lines if line.endswith("votes)")]) == len(lines) - 3 >= 1


def test_a_file_is_answered_line_by_line(made, capsys, tmp_path):
    (tmp_path / "asked.txt").write_text("\n".join([ASKED[1], "", *ASKED * 100]))
    capsys.readouterr()
    run("predict_tickets.py", "--file", tmp_path / "asked.txt", *made[2], "--json")
    found = [json.loads(line)["text"] for line in capsys.readouterr().out.splitlines()]
    assert found == [ASKED[1], *ASKED * 100]


def test_row_8_what_does_not_belong_together(made, tmp_path):
    world, _, flags = made
    _, encoder = world.moved(r=2)
    saving.save(tmp_path / "model", encoder, {"weight": 1.0})
    with pytest.raises(BadInput, match=r"index: built from another model than .*model$"):
        run("predict_tickets.py", "a question", *flags, "--model", tmp_path / "model")
    vectors = flags[-1].parent / "vectors"
    run("build_faiss_index.py", "--vectors", vectors, "--metric", "l2", "--out", tmp_path / "index")
    with pytest.raises(BadInput, match=r"index: metric l2, expected cosine$"):
        run("predict_tickets.py", "a question", *flags, "--index", tmp_path / "index")


def test_no_ticket(made):
    with pytest.raises(BadInput, match="no ticket given"):
        run("predict_tickets.py", "  ", *made[2])
