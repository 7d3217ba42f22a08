"""Pairs that teach, from easy to hard: which positives go into which phase, and how near their negatives are.

Overlap is that of TF-IDF vectors, not of the encoder to be trained: pairs chosen by what the encoder
already finds similar would only confirm it.

    phase       positives, by their overlap               negative, by its rank among other labels
    1 easy      the upper third, one category             the farther half
    2 medium    the middle third, and upper ones that     between that and the nearest twentieth
                join two categories
    3 hard      the lower third: words alone do not       the nearest hundredth
                tell them from negatives
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from .. import seeds
from ..errors import BadInput
from . import drawing
from .drawing import Rows
from .lexical import overlap

EASY, MEDIUM, HARD = 1, 2, 3
NAMES = {EASY: "easy", MEDIUM: "medium", HARD: "hard"}
WINDOWS = {EASY: (0.0, 0.5), MEDIUM: (0.5, 0.95), HARD: (0.99, 1.0)}  # of the ranks, from the farthest to the nearest
POOL = 40  # positives to choose from, for each that is wanted
CANDIDATES = 5000  # tickets among which a negative is sought
BLOCK = 256  # anchors compared with all candidates at a time


@dataclass(frozen=True)
class Triples:
    """Rows of tickets, `(n,)` each, by phase: anchor, positive, hard negative; and how much the positives overlap."""

    anchors: Rows
    positives: Rows
    negatives: Rows
    phases: Rows
    overlaps: NDArray[np.float32]


def build(
    groups: NDArray[np.integer], categories: NDArray[np.str_], matrix: csr_matrix, rows: Rows, per_phase: int, seed: int
) -> Triples:
    """At most `per_phase` triples of each phase out of the labelled tickets `rows`.

    groups, categories `(n,)` and matrix `(n, words)` are of all tickets. BadInput when a phase is empty.
    """
    if len(np.unique(groups[rows])) < 2:
        raise BadInput(f"{len(rows)} tickets that train: all of one label, expected at least two labels")
    kind = drawing.positives(groups, rows)
    left, right = kind.draw(POOL * per_phase, seeds.generator(seed, "ticket positives"))
    shared = overlap(matrix, left, right)
    phase = _phases(shared, categories[left] == categories[right])
    rng = seeds.generator(seed, "ticket phases")
    chosen = np.concatenate([_some(np.flatnonzero(phase == number), per_phase, rng) for number in NAMES])
    for number, name in NAMES.items():
        if not (phase == number).any():
            raise BadInput(f"{len(rows)} tickets, {len(left)} positive pairs: none for the {name} phase")
    left, right, phase, shared = left[chosen], right[chosen], phase[chosen], shared[chosen]
    return Triples(left, right, _negatives(groups, matrix, rows, left, phase, seed), phase, shared)


def _phases(shared: NDArray[np.float32], same_category: NDArray[np.bool_]) -> Rows:
    """The phase of each positive, `(m,)` to `(m,)`; by rank, so that ties cannot empty a third."""
    rank = np.empty(len(shared), dtype=np.int64)
    rank[np.argsort(shared, kind="stable")] = np.arange(len(shared))
    phase = HARD - (3 * rank // max(len(shared), 1))
    return np.where((phase == EASY) & ~same_category, MEDIUM, phase)


def _negatives(
    groups: NDArray[np.integer], matrix: csr_matrix, rows: Rows, anchors: Rows, phase: Rows, seed: int
) -> Rows:
    """A ticket of another label for each anchor, `(m,)` to `(m,)`, drawn from its phase's window of ranks."""
    rng = seeds.generator(seed, "ticket negatives")
    candidates = np.sort(_some(rows, CANDIDATES, rng))
    draw = rng.random(len(anchors))
    low, high = (np.array([WINDOWS[number][end] for number in phase.tolist()]) for end in (0, 1))
    share = low + draw * (high - low)
    found = np.empty(len(anchors), dtype=np.int64)
    transposed = matrix[candidates].T.tocsr()
    for at in range(0, len(anchors), BLOCK):
        block = anchors[at : at + BLOCK]
        near = (matrix[block] @ transposed).toarray()
        other = groups[candidates][None, :] != groups[block][:, None]
        order = np.argsort(np.where(other, near, np.inf), axis=1, kind="stable")  # the own label last
        count = other.sum(axis=1)
        place = np.minimum((share[at : at + BLOCK] * count).astype(np.int64), count - 1)
        found[at : at + BLOCK] = candidates[order[np.arange(len(block)), place]]
    return found


def _some(rows: Rows, n: int, rng: np.random.Generator) -> Rows:
    return rows[rng.permutation(len(rows))[:n]]
