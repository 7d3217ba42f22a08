"""Negatives of many pairs at once: so many of each bucket, distinct, uniform within the bucket.

Arrays over buckets have 8 columns, hardest first: column 0 is bucket 8, column 7 is bucket 1.
B pairs, K negatives a pair.
"""

import numpy as np
from numpy.typing import NDArray

from .relations import EASIEST, HARDEST

BUCKETS = range(HARDEST, EASIEST - 1, -1)  # by column

Ints = NDArray[np.integer]


def allocate(sizes: Ints, wanted: Ints) -> NDArray[np.int64]:
    """How many negatives each bucket gives, `(B, 8)`, where `sizes` `(B, 8)` are there and `wanted` `(8,)` are due.

    From the hardest bucket down; what a bucket lacks is due from the next lower one of the
    curriculum, then from its higher ones, then from buckets outside it, the easiest first.
    """
    take = np.zeros(sizes.shape, dtype=np.int64)
    owed = np.zeros(len(sizes), dtype=np.int64)
    listed = np.flatnonzero(wanted)
    for column in listed:
        take[:, column] = np.minimum(owed + wanted[column], sizes[:, column])
        owed += wanted[column] - take[:, column]
    for column in [*listed[::-1], *np.flatnonzero(wanted == 0)[::-1]]:
        more = np.minimum(owed, sizes[:, column] - take[:, column])
        take[:, column] += more
        owed -= more
    assert not owed.any(), "every pair of a source has at least k negatives"
    return take


def draw(
    starts: Ints, sizes: Ints, wanted: Ints, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Distinct positions of negatives and their columns, `(B, K)`, K being the sum of `wanted` `(8,)`.

    Column c of a row draws from the slice [start, start + size) of positions, `starts` and `sizes` `(B, 8)`.
    """
    uniforms = rng.random((wanted.sum(), len(sizes)), dtype=np.float32)
    return choose(starts, sizes, allocate(sizes, wanted), uniforms)


def choose(
    starts: Ints, sizes: Ints, take: Ints, uniforms: NDArray[np.floating]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Distinct positions, `take` `(B, 8)` of each slice, and their columns, `(B, K)`; `uniforms` `(K, B)` in [0, 1).

    Floyd's sampling without replacement (Bentley and Floyd 1987), one slot of all rows at a time: a
    draw falls on 0..last of its slice, and where it hits an earlier one it becomes the last.
    """
    slots, rows = uniforms.shape
    columns = np.repeat(np.tile(np.arange(take.shape[1]), rows), take.ravel()).reshape(rows, slots)
    first, size, end = (np.take_along_axis(table, columns, 1).T for table in (starts, sizes, take.cumsum(axis=1)))
    last = size - end + np.arange(slots)[:, None]  # (K, B), like all below: a slot's rows lie together
    positions = first + (uniforms * (last + 1)).astype(np.int64)
    fallback = first + last
    for slot in range(1, slots):
        taken = (positions[:slot] == positions[slot]).any(axis=0)
        np.copyto(positions[slot], fallback[slot], where=taken)
    return positions.T, columns
