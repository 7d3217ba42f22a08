"""How two codes are related: their distance in the tree, whether one excludes the other, and how hard a negative is.

Hardness of a negative n for an anchor a and its positive p, where lead = d(a, n) - d(a, p):

    8  a excludes n: a cross reference sends the reader from a to n, in whatever sector
    7, 6, 5, 4, 3  same sector, lead 0, 1, 2, 3, 4
    2  same sector, larger lead
    1  another sector
    0  never a negative: nearer than the positive (lead < 0), or the anchor's or positive's very self

A chain of only children (5-digit code and its one 6-digit code, say) counts as one self, because its
members describe the same establishments in the same words.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .taxonomy import Taxonomy

Rows = NDArray[np.integer]
EASIEST, HARDEST = 1, 8
BY_LEAD = np.array([7, 6, 5, 4, 3, 2], dtype=np.uint8)


@dataclass(frozen=True)
class Relations:
    """All pairs of n codes: tree `distance` and directed `excludes`, `(n, n)`; the rest, `(n,)`, as in Taxonomy."""

    distance: NDArray[np.uint8]
    excludes: NDArray[np.bool_]
    sector: NDArray[np.int16]
    twin: NDArray[np.int16]
    level: NDArray[np.uint8]
    held_out: NDArray[np.bool_]


def tree_distance(taxonomy: Taxonomy) -> NDArray[np.uint8]:
    """Edges between every two codes, `(n, n)`, through a virtual root above the sectors."""
    shared = np.zeros((len(taxonomy), len(taxonomy)), dtype=np.uint8)
    for ancestors in taxonomy.ancestors.T:  # (n,), one level at a time
        shared += (ancestors[:, None] == ancestors) & (ancestors >= 0)
    depth = taxonomy.level - np.uint8(1)
    return depth[:, None] + depth - 2 * shared


def relate(taxonomy: Taxonomy, exclusions: Iterable[tuple[str, str]]) -> Relations:
    """Relations of a taxonomy and its (code, target) cross references.

    A reference to the code itself or to a code above it ("elsewhere in this subsector") excludes nothing.
    """
    excludes = np.zeros((len(taxonomy), len(taxonomy)), dtype=bool)
    for code, target in exclusions:
        if target not in taxonomy.path(code):
            excludes[taxonomy.row[code], taxonomy.row[target]] = True
    return Relations(
        tree_distance(taxonomy),
        excludes,
        taxonomy.ancestors[:, 0],
        taxonomy.twin,
        taxonomy.level,
        taxonomy.held_out,
    )


def hardness(relations: Relations, anchors: Rows, positives: Rows, negatives: Rows) -> NDArray[np.uint8]:
    """Hardness 1 to 8, or 0 for never, of broadcastable arrays of rows."""
    distance, twin = relations.distance.astype(np.int16), relations.twin
    lead = distance[anchors, negatives] - distance[anchors, positives]
    grade = BY_LEAD[lead.clip(0, len(BY_LEAD) - 1)]
    grade = np.where(relations.sector[anchors] == relations.sector[negatives], grade, np.uint8(EASIEST))
    grade = np.where(relations.excludes[anchors, negatives], np.uint8(HARDEST), grade)
    same = (twin[negatives] == twin[anchors]) | (twin[negatives] == twin[positives])
    return np.where((lead < 0) | same, np.uint8(0), grade)
