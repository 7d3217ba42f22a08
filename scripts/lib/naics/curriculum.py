"""What a stage draws: which (anchor, positive) pairs, and how many negatives of which hardness."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .. import seeds
from ..errors import BadInput
from .relations import Relations
from .sampling import BUCKETS


@dataclass(frozen=True)
class Curriculum:
    """Whose pairs are drawn, and how hard their negatives are.

    `bucket_percentages` maps a difficulty bucket to its share of the negatives, 0 to 1; distances are inclusive
    and in edges; `max_positives` caps an anchor's positives in an epoch, 0 takes all of them.
    """

    positive_levels: tuple[int, ...]
    bucket_percentages: dict[int, float]
    positive_distance_min: int = 1
    positive_distance_max: int = 8
    max_positives: int = 0
    k_negatives: int = 16
    triplet_batch: int = 48

    def __post_init__(self) -> None:
        shares = {int(bucket): float(share) for bucket, share in self.bucket_percentages.items()}
        object.__setattr__(self, "bucket_percentages", shares)  # JSON keys are text
        if not set(shares) <= set(BUCKETS) or min(shares.values(), default=0) <= 0:
            raise BadInput(f"bucket_percentages: {shares}, expected positive shares of buckets 1 to 8")
        if abs(sum(shares.values()) - 1) > 1e-6:
            raise BadInput(f"bucket_percentages: the shares add up to {sum(shares.values()):g}, expected 1")
        if not self.positive_levels or not set(self.positive_levels) <= set(range(2, 7)):
            raise BadInput(f"positive_levels: {list(self.positive_levels)}, expected levels 2 to 6")
        if not 1 <= self.positive_distance_min <= self.positive_distance_max:
            raise BadInput(f"positive_distance: {self.positive_distance_min} to {self.positive_distance_max} is empty")
        if min(self.k_negatives, self.triplet_batch) < 1 or self.max_positives < 0:
            sizes = self.k_negatives, self.triplet_batch, self.max_positives
            raise BadInput(f"k_negatives, triplet_batch, max_positives: {sizes}, expected at least (1, 1, 0)")

    @property
    def wanted(self) -> NDArray[np.int64]:
        """Negatives of each bucket, `(8,)`, adding up to k_negatives: largest remainder, the harder first."""
        exact = np.array([self.bucket_percentages.get(bucket, 0.0) * self.k_negatives for bucket in BUCKETS])
        counts = np.floor(exact + 1e-9).astype(np.int64)
        short = np.argsort(counts - exact, kind="stable")[: self.k_negatives - counts.sum()]
        counts[short] += 1
        return counts


def usable(relations: Relations, curriculum: Curriculum) -> NDArray[np.bool_]:
    """`(n, n)`: the (anchor, positive) pairs of the stage, no held-out family among them.

    A positive lies in its anchor's sector, is not the anchor's own self under another code, and is not
    excluded by the anchor.
    """
    r, c = relations, curriculum
    fits = (r.distance >= c.positive_distance_min) & (r.distance <= c.positive_distance_max) & ~r.excludes
    fits &= (r.sector[:, None] == r.sector) & (r.twin[:, None] != r.twin)
    fits &= np.isin(r.level, c.positive_levels) & ~r.held_out & ~r.held_out[:, None]
    if not fits.any():
        raise BadInput(f"the curriculum has no pairs: no positive of levels {list(c.positive_levels)} fits")
    return fits


def pairs(relations: Relations, curriculum: Curriculum) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """(anchors, positives), each `(P,)`, sorted by anchor: every usable pair."""
    anchors, positives = np.nonzero(usable(relations, curriculum))
    return anchors.astype(np.uint16), positives.astype(np.uint16)


def epoch_order(anchors: NDArray[np.integer], max_positives: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """Numbers of the pairs of one epoch in random order, at most max_positives an anchor, drawn anew each epoch.

    `anchors` `(P,)` is sorted. Every anchor's pairs have the same chance.
    """
    order = seeds.generator(seed, "triplets/epoch", epoch).permutation(len(anchors))
    if not max_positives:
        return order
    by_anchor = np.argsort(anchors[order], kind="stable")
    first = np.searchsorted(anchors, anchors)  # of the anchor's run, (P,)
    turn = np.empty(len(order), dtype=np.int64)  # of a pair among its anchor's, in this order
    turn[by_anchor] = np.arange(len(order)) - first
    return order[turn < max_positives]
