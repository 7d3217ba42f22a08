"""Pairs of tickets with one label or with two, drawn uniformly without listing them all.

Of the rows in the order of their labels, those that pair with row i are neighbours: the rest of its
own label for a positive, everything behind its label for a negative. So every pair has a number,
and distinct numbers are distinct pairs.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
UNLABELLED = -1


@dataclass(frozen=True)
class Pairs:
    """All pairs of m rows of one kind, numbered.

    rows  (m,)      in the order of their labels
    first (m,)      position of the first partner of each
    until (m,)      sum of the numbers of partners up to and including each
    """

    rows: Rows
    first: Rows
    until: Rows

    def __len__(self) -> int:
        return int(self.until[-1]) if len(self.until) else 0

    def take(self, numbers: Rows) -> tuple[Rows, Rows]:
        """The pairs with these numbers, `(k,)` to `(k,)` and `(k,)`."""
        at = np.searchsorted(self.until, numbers, side="right")
        before = np.concatenate([[0], self.until])[at]
        return self.rows[at], self.rows[self.first[at] + numbers - before]

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Rows, Rows]:
        """n distinct pairs in random order and with random sides, or all pairs where there are fewer."""
        left, right = self.take(rng.choice(len(self), size=min(n, len(self)), replace=False))
        swap = rng.random(len(left)) < 0.5
        return np.where(swap, right, left), np.where(swap, left, right)


def positives(groups: NDArray[np.integer], rows: Rows) -> Pairs:
    """Pairs of `rows` with the same label; `groups` `(n,)` holds every ticket's label, UNLABELLED for none."""
    rows, end = _ordered(groups, rows)
    first = np.arange(1, len(rows) + 1)
    return Pairs(rows, first, np.cumsum(end - first))


def negatives(groups: NDArray[np.integer], rows: Rows) -> Pairs:
    """Pairs of `rows` with two different labels; tickets without a label are in none."""
    rows, end = _ordered(groups, rows)
    return Pairs(rows, end, np.cumsum(len(rows) - end))


def _ordered(groups: NDArray[np.integer], rows: Rows) -> tuple[Rows, Rows]:
    """The labelled rows in the order of their labels, and where the label of each ends."""
    rows = np.asarray(rows, dtype=np.int64)
    rows = rows[groups[rows] != UNLABELLED]
    rows = rows[np.argsort(groups[rows], kind="stable")]
    labels = groups[rows]
    return rows, np.searchsorted(labels, labels, side="right")
