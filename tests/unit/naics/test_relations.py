"""Distances and hardness, against networkx and a slow reference, with the counts on the real taxonomy.

Each 'original' test settles one thing that the announced system got wrong.
"""

import networkx as nx
import numpy as np
import pytest

from lib.naics.relations import hardness, relate, tree_distance
from lib.naics.taxonomy import Node, build


def row_of(taxonomy, *codes: str) -> list[int]:
    return [taxonomy.row[code] for code in codes]


def slow_hardness(taxonomy, tree: nx.Graph, excluded: set, anchor: int, positive: int, negative: int) -> int:
    """The rule of relations.hardness, word for word and one triplet at a time."""
    names = [taxonomy.codes[row] for row in (anchor, positive, negative)]
    distance = {name: nx.shortest_path_length(tree, names[0], name) for name in names}
    lead = distance[names[2]] - distance[names[1]]
    if lead < 0 or taxonomy.twin[negative] in (taxonomy.twin[anchor], taxonomy.twin[positive]):
        return 0
    if (names[0], names[2]) in excluded:
        return 8
    if taxonomy.path(names[0])[0] != taxonomy.path(names[2])[0]:
        return 1
    return {0: 7, 1: 6, 2: 5, 3: 4, 4: 3}.get(lead, 2)


@pytest.fixture(scope="module")
def tree(taxonomy) -> nx.Graph:
    """The taxonomy as a graph, its sectors below one root."""
    parents = ["root" if row < 0 else taxonomy.codes[row] for row in taxonomy.parent]
    return nx.Graph(zip(taxonomy.codes, parents))


def test_tree_distance_is_the_shortest_path(taxonomy, tree):
    distance = tree_distance(taxonomy)
    assert distance.shape == (2125, 2125) and distance.dtype == np.uint8 and distance.nbytes < 4_600_000
    assert (distance == distance.T).all() and (np.diag(distance) == 0).all() and distance.max() == 10
    for row in range(0, len(taxonomy), 40):
        lengths = nx.single_source_shortest_path_length(tree, taxonomy.codes[row])
        assert distance[row].tolist() == [lengths[code] for code in taxonomy.codes]


def test_hardness_equals_the_slow_reference(taxonomy, related, tree):
    rng = np.random.default_rng(0)
    rows = rng.integers(0, len(taxonomy), (1500, 3))
    rows[::2, 1:] = (rows[::2, :1] + rng.integers(-9, 10, (750, 2))) % len(
        taxonomy
    )  # neighbours, where the rule is subtle
    edges = np.argwhere(related.excludes)
    rows[: len(edges[::20]), [0, 2]] = edges[::20][: len(rows)]
    excluded = {(taxonomy.codes[a], taxonomy.codes[b]) for a, b in edges}
    expected = [slow_hardness(taxonomy, tree, excluded, *row) for row in rows.tolist()]
    assert hardness(related, *rows.T).tolist() == expected
    assert set(range(1, 8)) <= set(expected)


def test_hardness_broadcasts(related):
    anchors, positives = np.array([[4], [900]]), np.array([[5], [901]])
    assert hardness(related, anchors, positives, np.arange(100)).shape == (2, 100)


def test_original_cross_sector_negatives_are_never_graded_by_distance(taxonomy, related):
    """There 91.7 % of them landed in buckets 2 to 5, because 'unrelated' was tested last."""
    rng = np.random.default_rng(0)
    anchors, negatives = rng.integers(0, len(taxonomy), (2, 200_000))
    positives = taxonomy.parent[anchors].astype(int)
    crossing = (related.sector[anchors] != related.sector[negatives]) & (positives >= 0)
    grades = hardness(related, anchors, positives, negatives)[crossing]
    excluded = related.excludes[anchors, negatives][crossing]
    assert crossing.sum() > 150_000
    assert (grades[excluded] == 8).all()
    assert (grades[~excluded] == 1).all()


def test_original_range_sectors_are_one_sector(taxonomy, related):
    """There 311 and 332 were 'unrelated': 263,832 pairs across 31, 32, 33, across 44, 45 and across 48, 49."""
    food, metal = row_of(taxonomy, "311111", "332111")
    assert hardness(related, food, taxonomy.parent[food], metal) == 2
    digits = np.array([code[:2] for code in taxonomy.codes])
    across = (related.sector[:, None] == related.sector) & (digits[:, None] != digits)
    assert across.sum() == 263_832
    assert {code for code, any_pair in zip(digits, across.any(axis=1)) if any_pair} == {
        "31",
        "32",
        "33",
        "44",
        "45",
        "48",
        "49",
    }


def test_original_hardness_is_the_anchors_not_the_positives():
    nodes = [Node(code, code) for code in ("11", "111", "112", "113", "1111", "1112")]
    codes = build(nodes, "test")
    anchor, positive, negative = row_of(codes, "1111", "1112", "113")
    for excluding, expected in (("1111", 8), ("1112", 6)):
        assert hardness(relate(codes, [(excluding, "113")]), anchor, positive, negative) == expected


def test_original_same_sector_exclusions_reach_8(census_relations):
    r = census_relations
    anchors, targets = np.nonzero(r.excludes)
    same = r.sector[anchors] == r.sector[targets]
    assert (len(anchors), same.sum(), (r.distance[anchors, targets] == 2).sum()) == (4524, 3254, 623)
    siblings = r.distance[anchors, targets] == 2
    nearest = np.array([np.flatnonzero((r.distance[a] == 1) & (r.twin != r.twin[a]))[0] for a in anchors[siblings]])
    assert (hardness(r, anchors[siblings], nearest, targets[siblings]) == 8).all()


def test_a_reference_to_a_code_above_excludes_nothing(taxonomy):
    """'Classified elsewhere in Subsector 611' does not exclude the subsector from its own codes."""
    r = relate(taxonomy, [("611610", "611"), ("611610", "611610"), ("611610", "611110"), ("611", "611610")])
    assert np.argwhere(r.excludes).tolist() == [
        row_of(taxonomy, "611", "611610"),
        row_of(taxonomy, "611610", "611110"),
    ]


def test_nothing_nearer_than_the_positive_is_a_negative(taxonomy, related):
    rng = np.random.default_rng(0)
    anchors, positives, negatives = rng.integers(0, len(taxonomy), (3, 50_000))
    nearer = related.distance[anchors, negatives] < related.distance[anchors, positives]
    assert (hardness(related, anchors, positives, negatives)[nearer] == 0).all()
    assert (hardness(related, anchors, positives, positives) == 0).all()
    assert (hardness(related, anchors, positives, anchors) == 0).all()


def test_the_only_child_of_a_code_is_no_negative_of_it(taxonomy, related):
    """92711 and 927110 describe the same establishments in the same words."""
    anchor, positive, twin = row_of(taxonomy, "92812", "92711", "927110")
    assert hardness(related, anchor, positive, twin) == 0
    assert hardness(related, positive, row_of(taxonomy, "92")[0], twin) == 0
