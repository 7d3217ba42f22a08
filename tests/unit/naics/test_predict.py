"""From a checkpoint to an answer through embed_naics, build_faiss_index and predict_naics, against brute force."""

import json

import numpy as np
import pytest
import torch
from in_process import run
from tiny_naics import World

from lib import checkpoint
from lib.errors import BadInput
from lib.naics import model
from lib.naics.embed import embed_codes, embed_descriptions

DESCRIPTIONS = ["Regional solar electric power generation", "Teaching children to paint", "Pipes for sewage"]


@pytest.fixture(scope="module", params=["lorentz", "euclidean"])
def made(request, tmp_path_factory):
    """(world, model, flags of predict_naics.py) with checkpoint, points and index on disk."""
    world = World(tmp_path_factory.mktemp("little-naics"))
    network, folder = world.model(geometry=request.param), world.folder
    checkpoint, vectors = world.stage("stage3", network)
    read = ["--checkpoint", checkpoint, "--data", folder / "data"]
    frozen = ["--texts", world.texts, "--raw", world.raw]
    run("embed_naics.py", *read, *frozen, "--vectors", folder / "encoded", "--out", folder / "points")
    assert (folder / "encoded").read_bytes() == vectors.read_bytes()
    metric = network.head.geometry.metric
    run("build_faiss_index.py", "--vectors", folder / "points", "--metric", metric, "--out", folder / "index")
    return world, network, [*read, "--index", folder / "index"]


def brute(world, network, level: int) -> list[list[tuple[str, float]]]:
    """(code, score) of all codes of a level for each description, best first, from distances in float64."""
    taxonomy, vectors = world.data.taxonomy, world.bank().encode_all(network.encode)
    codes = np.flatnonzero(taxonomy.level == level)
    known, owners = world.data.known()
    points = embed_codes(network.head, vectors, world.data.texts)
    asked = torch.cat([alone(world, network, text) for text in DESCRIPTIONS])
    entries = embed_descriptions(network.head, vectors, world.data.query_rows(known))
    with torch.no_grad():
        to_codes = network.head.geometry.rowwise(asked[:, None], points[None, codes]).numpy()
        to_entries = network.head.geometry.rowwise(asked[:, None], entries[None]).numpy()
    above = [taxonomy.row[taxonomy.path(taxonomy.codes[owner])[level - 2]] for owner in owners]
    nearest = [np.minimum(own, to_entries[:, np.array(above) == code].min(axis=1, initial=np.inf))
               for code, own in zip(codes, to_codes.T)]  # fmt: skip
    distances = (to_codes + np.array(nearest).T) / 2
    return [sorted(zip([taxonomy.codes[c] for c in codes], -row), key=lambda pair: -pair[1]) for row in distances]


def alone(world, network, text: str) -> torch.Tensor:
    """The point of one description that nobody has seen, by transformers' own forward and the adapters."""
    ids = torch.tensor([world.tokenizer(text, truncation=True, max_length=16)["input_ids"]])
    with torch.no_grad():
        hidden = world.base(ids, output_hidden_states=True).hidden_states[network.shape.cut].half().float()
        vector = torch.nn.functional.normalize(network.encoders(hidden, 3), dim=1)
        features, present = torch.zeros(1, 4, 32), torch.tensor([[0.0, 0, 0, 1]])
        features[0, 3] = vector[0]
        return network.head(features, present)[0]


@pytest.mark.parametrize("level", [6, 4, 2])
def test_answers_are_those_of_brute_force(made, capsys, level):
    world, network, flags = made
    run("predict_naics.py", *DESCRIPTIONS, *flags, "--level", level, "--top", 40, "--json")
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["description"] for answer in answers] == DESCRIPTIONS
    for answer, expected in zip(answers, brute(world, network, level)):
        found = {row["code"]: row["score"] for row in answer["codes"]}
        assert found == pytest.approx(dict(expected), abs=2e-3), "an index holds float32"
        assert list(found.values()) == sorted(found.values(), reverse=True)


def test_an_answer_names_its_way_through_the_tree(made, capsys):
    _, _, flags = made
    run("predict_naics.py", DESCRIPTIONS[0], *flags, "--top", 3)
    asked, *rows = capsys.readouterr().out.splitlines()
    assert asked == DESCRIPTIONS[0]
    assert len(rows) == 3
    assert all("  (Utilities > Utilities > " in row or "  (Educational Services > " in row for row in rows)


def test_a_file_is_answered_line_by_line(made, capsys, tmp_path):
    """More lines than are searched at once, and an empty one."""
    _, _, flags = made
    (tmp_path / "asked.txt").write_text("\n".join([DESCRIPTIONS[1], "", *DESCRIPTIONS * 100]))
    run("predict_naics.py", "--file", tmp_path / "asked.txt", *flags, "--json")
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["description"] for answer in answers] == [DESCRIPTIONS[1], *DESCRIPTIONS * 100]
    for row in range(3):
        assert answers[1 + row]["codes"] == answers[298 + row]["codes"]


def test_row_8_what_does_not_belong_together(made, tmp_path):
    world, network, flags = made
    wrong = "l2" if network.head.geometry.metric == "lorentz" else "lorentz"
    index = tmp_path / "index"
    run("build_faiss_index.py", "--vectors", world.folder / "points", "--metric", wrong, "--out", index)
    with pytest.raises(BadInput, match=f"index: metric {wrong}, expected {network.head.geometry.metric}$"):
        run("predict_naics.py", "a school", *flags, "--index", index)
    tensors, about = checkpoint.load(world.folder / "stage3.ckpt")
    checkpoint.save(tmp_path / "stage3.ckpt", tensors, {key: about[key] for key in ("kind", "shape")} | {"stage": "x"})
    with pytest.raises(BadInput, match=r"index: built from another checkpoint than .*stage3\.ckpt$"):
        run("predict_naics.py", "a school", *flags, "--checkpoint", tmp_path / "stage3.ckpt")


def test_no_description(made):
    with pytest.raises(BadInput, match="no description given"):
        run("predict_naics.py", "  ", *made[2])


def test_a_head_without_adapters_is_placed_by_the_frozen_vectors(world, tmp_path):
    """Those that it learnt on, bit by bit; encoded again from states of 16 bits they would be others."""
    model.save(tmp_path / "head.ckpt", world.model(r=0), {})
    read = ["--checkpoint", tmp_path / "head.ckpt", "--data", world.folder / "data", "--texts", world.texts]
    run("embed_naics.py", *read, "--raw", world.raw, "--vectors", tmp_path / "encoded", "--out", tmp_path / "points")
    frozen, found = (checkpoint.load(path)[0] for path in (world.raw, tmp_path / "encoded"))
    assert all(torch.equal(found[name], vectors) for name, vectors in frozen.items())
