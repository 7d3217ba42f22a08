"""Training pairs: three phases from easy to hard, hard negatives, the seed's JSON read and written."""

import json
from collections import Counter

import numpy as np
import pytest
import tiny_tickets

from lib.errors import BadInput
from lib.tickets import dataset, drawing, lexical, pairs, phases


@pytest.fixture(scope="module")
def tickets(tmp_path_factory):
    return dataset.load(tiny_tickets.write_data(tmp_path_factory.mktemp("tickets")))


@pytest.fixture(scope="module")
def words(tickets):
    return lexical.tfidf(tickets.masked)


@pytest.fixture(scope="module")
def triples(tickets, words):
    return build(tickets, words, 12)


def build(tickets, words, per_phase, categories=None, seed=1):
    categories = np.array(tickets.categories) if categories is None else categories
    return phases.build(tickets.groups, categories, words, tickets.rows("train"), per_phase, seed)


# Phases


def test_positives_share_a_label_negatives_do_not_and_all_train(tickets, triples):
    train = set(tickets.rows("train").tolist())
    assert set(triples.anchors) | set(triples.positives) | set(triples.negatives) <= train
    assert (tickets.groups[triples.anchors] == tickets.groups[triples.positives]).all()
    assert (tickets.groups[triples.anchors] != tickets.groups[triples.negatives]).all()
    assert Counter(triples.phases.tolist()) == {1: 12, 2: 12, 3: 12}


def test_positives_overlap_less_from_phase_to_phase(words, triples):
    shared = lexical.overlap(words, triples.anchors, triples.positives)
    np.testing.assert_array_equal(shared, triples.overlaps)
    easy, medium, hard = (shared[triples.phases == number] for number in phases.NAMES)
    assert easy.min() >= medium.max() and medium.min() >= hard.max()


def test_negatives_come_nearer_from_phase_to_phase(tickets, words, triples):
    """Their rank among all tickets of other labels lies in the phase's window."""
    rows = tickets.rows("train")
    for anchor, negative, phase in zip(triples.anchors, triples.negatives, triples.phases):
        others = rows[tickets.groups[rows] != tickets.groups[anchor]]
        shared = lexical.overlap(words, np.full(len(others), anchor), others)
        own = shared[others == negative]
        low, high = ((shared < own).mean(), (shared <= own).mean())
        assert low <= phases.WINDOWS[phase][1] and high >= phases.WINDOWS[phase][0]


def test_positives_that_join_two_categories_are_never_easy(tickets, words):
    categories = np.array([f"{name}{row % 2}" for row, name in enumerate(tickets.categories)])
    found = build(tickets, words, 40, categories)
    easy = found.phases == phases.EASY
    assert (categories[found.anchors[easy]] == categories[found.positives[easy]]).all()
    upper = np.quantile(found.overlaps, 0.9)
    assert ((found.phases == phases.MEDIUM) & (found.overlaps > upper)).any()


def test_small_data_give_every_pair_once(tickets, words):
    found = build(tickets, words, 5000)
    assert len(found.phases) == len(drawing.positives(tickets.groups, tickets.rows("train"))) == 5 * 15
    assert len({frozenset(pair) for pair in zip(found.anchors.tolist(), found.positives.tolist())}) == 5 * 15


def test_equal_overlaps_do_not_empty_a_phase():
    groups = np.repeat([0, 1, 2], 4)
    matrix = lexical.tfidf([f"word{number}" for number in range(12)])
    found = phases.build(groups, np.full(12, ""), matrix, np.arange(12), 100, seed=1)
    assert Counter(found.phases.tolist()) == {1: 6, 2: 6, 3: 6}


def test_pairs_follow_from_the_seed(tickets, words, triples):
    again, other = build(tickets, words, 12), build(tickets, words, 12, seed=2)
    for name in ("anchors", "positives", "negatives", "phases"):
        np.testing.assert_array_equal(getattr(again, name), getattr(triples, name))
    assert (other.anchors != triples.anchors).any()


def test_one_label_cannot_be_taught(tickets, words):
    rows = np.flatnonzero(tickets.groups == 0)
    with pytest.raises(BadInput, match="6 tickets that train: all of one label"):
        phases.build(tickets.groups, np.array(tickets.categories), words, rows, 10, 1)


# The file


def foreign(**changes) -> dict:
    """A file as the original system wrote it: no groups, no third column, a row in four of label 0."""
    rows = [
        ("a1", "a2", 1, 1), ("a1", "b1", 0, 1), ("b1", "b2", 1, 2), ("b1", "c1", 0, 2),
        ("b1", "a1", 0, 3), ("a2", "a3", 1, 2), ("c1", "c2", 1, 3), ("c1", "c3", 1, 3),
    ]  # fmt: skip
    return dict(zip(pairs.COLUMNS, map(list, zip(*rows)))) | changes


def test_a_negative_that_other_rows_join_with_its_anchor_is_not_written(tmp_path):
    """Masking left tickets of two labels one text, "s": what follows it in one label is no negative of the other."""
    rows = [("a1", "s", "c1", 1), ("s", "b1", "c1", 2), ("b1", "b2", "a1", 3), ("c1", "c2", "a1", 3)]
    names = ("texts1", "texts2", "texts3", "phase_indicators")
    columns = dict(zip(names, map(list, zip(*rows))))
    pairs.write(tmp_path / "pairs.json", columns, {"groups": ["A", "B", "B", "C"]})
    assert pairs.read(tmp_path / "pairs.json").negatives == ["c1", "c1", None, "a1"]


def read(tmp_path, content: dict):
    path = tmp_path / "pairs.json"
    path.write_text(json.dumps(content))
    return pairs.read(path)


def test_rows_of_label_0_become_hard_negatives_and_rows_joined_by_positives_one_group(tmp_path, capsys):
    found = read(tmp_path, foreign())
    assert list(zip(found.anchors, found.positives, found.negatives)) == [
        ("a1", "a2", "b1"),
        ("b1", "b2", "c1"),
        ("a2", "a3", None),
        ("c1", "c2", None),
        ("c1", "c3", None),
        ("b1", "b2", "a1"),
    ]
    assert found.phases.tolist() == [1, 2, 2, 3, 3, 2]
    a, b, _, c, *_ = found.groups
    assert found.groups.tolist() == [a, b, a, c, c, b] and len({a, b, c}) == 3
    assert "3 rows with label 0 became hard negatives" in capsys.readouterr().err


def test_what_is_written_is_read(tmp_path):
    columns = {"texts1": ["a", "b", "c"], "texts2": ["A", "B", "C"], "texts3": ["b", None, "a"]}
    pairs.write(tmp_path / "p.json", columns | {"phase_indicators": [1, 2, 3]}, {"groups": ["x", "y", "x"]})
    found = pairs.read(tmp_path / "p.json")
    assert (found.anchors, found.positives, found.negatives) == tuple(columns.values())
    assert found.groups.tolist() == [0, 1, 0] and found.phases.tolist() == [1, 2, 3]
    written = json.loads((tmp_path / "p.json").read_text())
    assert written["labels"] == [1, 1, 1]
    assert {*pairs.COLUMNS, "texts3", "metadata"} == written.keys()


def test_a_negative_that_other_rows_call_positive_is_refused(tmp_path):
    given = foreign(texts3=["a3", *[None] * 7])
    with pytest.raises(BadInput, match="1 hard negatives belong to their anchor by other rows, the first is 'a3'"):
        read(tmp_path, given)
