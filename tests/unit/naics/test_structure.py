"""lib.naics.structure on trees small enough to count, and against scipy."""

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from lib.naics import structure
from lib.naics.relations import tree_distance
from lib.naics.taxonomy import Node, build

CODES = ["11", "111", "1111", "1112", "112", "1121", "21", "211", "2111", "212"]
ROWS = np.arange(len(CODES))


@pytest.fixture
def little():
    """11 has 111 (1111, 1112) and 112 (1121, an only child); 21 has 211 (2111, an only child) and 212."""
    return build([Node(code, f"title {code}") for code in CODES], "a little tree")


@pytest.fixture
def tree(little):
    return tree_distance(little)


def row(code: str) -> int:
    return CODES.index(code)


def noisy(tree, seed=1):
    """A symmetric matrix that follows the tree loosely, without ties."""
    noise = np.random.default_rng(seed).random(tree.shape)
    return tree + 3.0 * (noise + noise.T)


def values(entries) -> dict[str, float]:
    return {entry["metric"]: entry["value"] for entry in entries}


# A perfect and a hopeless embedding


def test_the_tree_itself_scores_1_everywhere(little, tree):
    entries = structure.measure(little, tree, {"model": tree.astype(float), "raw": noisy(tree)}, ROWS, "all", seed=1)
    assert values(entries) == pytest.approx(
        {
            "parent_recall_at_1": 1.0,
            "sibling_map": 1.0,
            "ndcg_at_10": 1.0,
            "pearson_tree_distance": 1.0,
            "spearman_tree_distance": 1.0,
        }
    )
    assert structure.distortion(tree, 0.3 * tree) == pytest.approx(0, abs=1e-12)
    assert all(entry["baselines"][0]["difference"] > 0 for entry in entries)


def test_the_tree_upside_down_scores_badly(little, tree):
    found = values(structure.measure(little, tree, {"model": 9.0 - tree}, ROWS, "all", seed=1))
    assert found["pearson_tree_distance"] == pytest.approx(-1)
    assert found["parent_recall_at_1"] == 0
    assert found["sibling_map"] < 0.5
    assert found["ndcg_at_10"] < 0.9


# Parents


def test_parents_are_asked_of_codes_that_are_no_only_child(little, tree):
    """1121 and 2111 would say nothing, and sectors have no parent."""
    distance = tree.astype(float)
    assert structure.parent_hits(little, distance, ROWS).shape == (6,)
    distance[row("1112"), row("112")] = 0.5  # now nearer than its parent 111
    distance[row("1121"), row("111")] = 0.5  # an only child: not asked
    hits = structure.parent_hits(little, distance, ROWS)
    asked = ["111", "1111", "1112", "112", "211", "212"]
    assert dict(zip(asked, hits)) == {**dict.fromkeys(asked, 1.0), "1112": 0.0}
    assert structure.parent_hits(little, distance, np.array([row("1112"), row("1121")])).tolist() == [0.0]


# Siblings


def test_siblings_by_hand(little):
    """Among the other codes of level 3, 111 has one sibling: its precision is 1 over its place."""
    distance = np.full((10, 10), 5.0)
    distance[row("111"), [row("211"), row("112"), row("212")]] = [1.0, 2.0, 3.0]
    assert structure.sibling_precision(little, distance, np.array([row("111")])) == pytest.approx([1 / 2])
    distance[row("111"), row("112")] = 4.0
    assert structure.sibling_precision(little, distance, np.array([row("111")])) == pytest.approx([1 / 3])


def test_codes_without_siblings_or_parents_are_not_asked(little, tree):
    asked = np.array([row("1121"), row("11"), row("2111")])
    assert structure.sibling_precision(little, tree.astype(float), asked).tolist() == []


# Correlations


@pytest.mark.parametrize("rows", [ROWS, np.array([1, 4, 7])], ids=["all", "some against all"])
def test_correlations_are_scipys(little, tree, rows):
    distance = noisy(tree)
    pairs = [(query, other) for query in rows for other in ROWS if other != query]
    x, y = ([matrix[pair] for pair in pairs] for matrix in (distance, tree))
    found = values(structure.measure(little, tree, {"model": distance}, rows, "some", seed=1))
    assert found["pearson_tree_distance"] == pytest.approx(pearsonr(x, y).statistic, rel=1e-9)
    assert found["spearman_tree_distance"] == pytest.approx(spearmanr(x, y).statistic, rel=1e-9)


def test_the_interval_of_a_correlation_is_a_bootstrap_over_query_codes(little, tree):
    """Drawing codes one by one, with scipy, gives the same interval to the noise of the draws."""
    distance = noisy(tree)
    entries = structure.measure(little, tree, {"model": distance}, ROWS, "all", seed=1)
    (found,) = (entry["interval"] for entry in entries if entry["metric"] == "pearson_tree_distance")
    off = ~np.eye(10, dtype=bool)
    blocks = [(distance[query][off[query]], tree[query][off[query]]) for query in ROWS]
    rng = np.random.default_rng(1)
    samples = []
    for _ in range(2000):
        x, y = zip(*(blocks[query] for query in rng.choice(ROWS, 10)))
        samples.append(pearsonr(np.concatenate(x), np.concatenate(y)).statistic)
    assert found == pytest.approx(np.percentile(samples, [2.5, 97.5]), abs=0.02)


def test_ndcg_grades_by_distance_and_leaves_the_code_itself_out(little, tree):
    """One query by hand: gain is the largest distance of the query codes less the pair's."""
    distance = noisy(tree)
    query = row("1111")
    order = [other for other in np.argsort(distance[query]) if other != query]
    gains = [float(tree[query].max() - tree[query, other]) for other in order]
    discounts = 1 / np.log2(np.arange(2, 11))
    expected = (np.array(gains) * discounts).sum() / (np.sort(gains)[::-1] * discounts).sum()
    found = values(structure.measure(little, tree, {"model": distance}, np.array([query]), "one", seed=1))
    assert found["ndcg_at_10"] == pytest.approx(expected)


# Distortion


def test_distortion_by_hand():
    tree = np.array([[0, 1, 2], [1, 0, 1], [2, 1, 0]])
    distance = np.array([[0, 1.0, 4.0], [1.0, 0, 1.0], [4.0, 1.0, 0]])
    scale = (1 * 1 + 2 * 4 + 1 * 1) / (1 + 4 + 1)
    expected = np.mean([abs(d / (scale * t) - 1) for d, t in ((1, 1), (4, 2), (1, 1))])
    assert structure.distortion(tree, distance) == pytest.approx(expected)
    assert structure.distortion(tree, 7 * distance) == pytest.approx(expected), "units do not count"
