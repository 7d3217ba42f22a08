"""Triplets (anchor, positive, k negatives) of a curriculum, drawn from the relations: nothing is stored."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .. import seeds
from ..errors import BadInput
from .curriculum import Curriculum, epoch_order, pairs
from .relations import HARDEST, Relations
from .sampling import draw

# Keys that sort an anchor's codes: a group, and within it the distance, which is below 16.
DEAD, SAME, OTHER, EXCLUDED, END = 0, 16, 32, 48, 64
# Keys where the 8 buckets of a pair at distance d begin and end, hardest first, at d = 0 ...
FIRST = np.array([EXCLUDED, *range(SAME, SAME + 6), OTHER])
BEYOND = np.array([END, *range(SAME + 1, SAME + 6), OTHER, EXCLUDED])
# ... and which of them move with d: all begin at lead 0, only buckets 7 to 3 end at a lead.
MOVES = np.array([0, 1, 1, 1, 1, 1, 0, 0])
NOWHERE = 1 << 15
BLOCK = 1 << 14


@dataclass(frozen=True)
class Triplets:
    """Rows of codes: `anchors`, `positives` `(B,)`; `negatives` `(B, K)`, distinct in a row, and their `hardness`."""

    anchors: NDArray[np.int64]
    positives: NDArray[np.int64]
    negatives: NDArray[np.int64]
    hardness: NDArray[np.uint8]


class TripletSource(Protocol):
    """Batches as a function of the step: equal objects give equal batches, in whatever order they are asked."""

    def batch(self, step: int) -> Triplets: ...


class Pools:
    """The negatives of every pair by bucket, as slices of one row of codes an anchor; 20 MB for 2,125 codes.

    A row of `order` holds: dead (the anchor's self and held-out families), the same sector by
    distance, other sectors by distance, codes that the anchor excludes by distance.
    """

    def __init__(self, relations: Relations) -> None:
        r, n = relations, len(relations.level)
        key = r.distance + np.where(r.sector[:, None] == r.sector, np.uint8(SAME), np.uint8(OTHER))
        key[r.excludes] = r.distance[r.excludes] + np.uint8(EXCLUDED)
        key[(r.twin[:, None] == r.twin) | r.held_out] = DEAD
        edges = np.zeros((n, END + 1), dtype=np.uint16)
        self.order = np.empty((n, n), dtype=np.uint16)
        self.place = np.full((n, n + 1), NOWHERE, dtype=np.uint16)  # of a code in `order`
        for anchor, keys in enumerate(key):
            self.order[anchor] = np.argsort(keys, kind="stable")
            self.place[anchor, self.order[anchor]] = np.arange(n)
            edges[anchor, 1:] = np.bincount(keys, minlength=END).cumsum()
        d = np.arange(r.distance.max() + 1)[:, None]
        self.starts, self.ends = edges[:, FIRST + d], edges[:, BEYOND + d * MOVES]  # (n, distances, 8)
        self.distance, self.twin, self.chains = r.distance, r.twin, _chains(r.twin)

    def bounds(self, anchors: NDArray, positives: NDArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where the buckets of pairs `(B,)` begin and end in their anchor's row of `order`, `(B, 8)`.

        The positive and its chain of only children still lie in some of them.
        """
        d = self.distance[anchors, positives]
        return self.starts[anchors, d].astype(np.int64), self.ends[anchors, d].astype(np.int64)

    def slices(self, anchors: NDArray, positives: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """Starts, sizes without the positive's chain, `(B, 8)`, and the chain's places in rising order, `(B, S)`."""
        starts, ends = self.bounds(anchors, positives)
        chain = np.sort(self.place[anchors[:, None], self.chains[positives]].astype(np.int64), axis=1)
        inside = (chain[:, None, :] >= starts[:, :, None]) & (chain[:, None, :] < ends[:, :, None])
        return starts, ends - starts - inside.sum(axis=2), chain

    def counts(self, anchors: NDArray, positives: NDArray) -> NDArray[np.int64]:
        """Negatives of each of many pairs, `(P,)`, in bounded memory."""
        blocks = np.array_split(np.arange(len(anchors)), len(anchors) // BLOCK + 1)
        return np.concatenate([self.slices(anchors[b], positives[b])[1].sum(axis=1) for b in blocks])


def _chains(twin: NDArray[np.integer]) -> NDArray[np.int64]:
    """The members of each code's chain of only children, `(n, S)`, filled up with n."""
    members = [np.flatnonzero(twin == top) for top in twin]
    chains = np.full((len(twin), max(map(len, members))), len(twin))
    for row, chain in enumerate(members):
        chains[row, : len(chain)] = chain
    return chains


class ImplicitSource:
    """Draws any triplet of the curriculum; pairs in uniform shuffled passes, negatives uniform in their buckets."""

    def __init__(self, relations: Relations, curriculum: Curriculum, seed: int) -> None:
        self.curriculum, self.seed = curriculum, seed
        self.anchors, self.positives = pairs(relations, curriculum)
        self.pools = Pools(relations)
        self.wanted = curriculum.wanted
        self._epoch = 0
        self._order = epoch_order(self.anchors, curriculum.max_positives, seed, 0)
        fewest = self.pools.counts(self.anchors, self.positives).min()
        if fewest < curriculum.k_negatives:
            raise BadInput(f"k_negatives {curriculum.k_negatives}: a pair has only {fewest} negatives")

    def batch(self, step: int) -> Triplets:
        """Batch `step`: `triplet_batch` pairs and k_negatives each."""
        size = self.curriculum.triplet_batch
        rows = self._rows(step * size, size)
        anchors, positives = self.anchors[rows], self.positives[rows]
        starts, sizes, chain = self.pools.slices(anchors, positives)
        rng = seeds.generator(self.seed, "triplets/negatives/0", step)
        positions, columns = draw(starts, sizes, self.wanted, rng)
        slot_starts = np.take_along_axis(starts, columns, axis=1)
        for skip in chain.T[:, :, None]:
            positions = positions + ((positions >= skip) & (skip >= slot_starts))
        negatives = self.pools.order[anchors[:, None], positions].astype(np.int64)
        return Triplets(
            anchors.astype(np.int64), positives.astype(np.int64), negatives, (HARDEST - columns).astype(np.uint8)
        )

    def _rows(self, first: int, count: int) -> NDArray[np.int64]:
        """Numbers of the pairs at places first, first + 1, ... of the endless sequence of shuffled passes."""
        rows = []
        while count:
            epoch, at = divmod(first, len(self._order))
            if epoch != self._epoch:
                self._epoch = epoch
                self._order = epoch_order(self.anchors, self.curriculum.max_positives, self.seed, epoch)
            rows.append(self._order[at : at + count])
            first, count = first + len(rows[-1]), count - len(rows[-1])
        return np.concatenate(rows)
