"""The pairs that an evaluation judges: ordinary ones, ones that words mislead, and ones of equal word overlap.

Everything is a function of the labels, the rows and the seed. `groups` `(n,)` holds the label of
every ticket as a number, -1 for none; `rows` are the tickets to draw from, those of one split;
`matrix` `(n, words)` comes from `lexical.tfidf`. Results are (left, right, label): rows `(m,)` and
labels `(m,)`, 1 for a common label, 0 for two.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.metrics import roc_auc_score

from .. import seeds
from ..errors import BadInput
from . import drawing
from .drawing import Rows
from .lexical import overlap

POOL = 100_000  # pairs of either kind among which deciles are taken; all of them where there are fewer
DECILES = 10


class Labelled(NamedTuple):
    """Pairs with their labels; unpacks as (left, right, label)."""

    left: Rows
    right: Rows
    label: Rows


class Decile(NamedTuple):
    """Pairs whose overlap lies in [low, high]."""

    low: float
    high: float
    pairs: Labelled


class Pool(NamedTuple):
    """Pairs of one kind and their overlap, by rising overlap."""

    left: Rows
    right: Rows
    overlap: NDArray[np.float32]

    def take(self, at: Rows | slice) -> "Pool":
        return Pool(self.left[at], self.right[at], self.overlap[at])


def random_pairs(groups: NDArray[np.integer], rows: Rows, n: int, seed: int) -> Labelled:
    """n distinct pairs, half of them positive; fewer where the scarcer kind has fewer than n / 2."""
    kinds = drawing.negatives(groups, rows), drawing.positives(groups, rows)
    each = min(n // 2, *map(len, kinds))
    if each == 0:
        missing = "negative" if not len(kinds[0]) else "positive"
        raise BadInput(f"{len(rows)} tickets: no {missing} pair, expected two labels, one of them with two tickets")
    rng = seeds.generator(seed, "ticket pairs")
    return _joined(*(kind.draw(each, rng) for kind in kinds))


def adversarial_pairs(groups: NDArray[np.integer], rows: Rows, matrix: csr_matrix, n: int, seed: int) -> Labelled:
    """n pairs that words mislead: positives of the lowest decile of their overlap, negatives of the highest of theirs.

    BadInput when TF-IDF still scores an AUC of 0.5 or more on them: then the set is not adversarial.
    """
    negative, positive = _pools(groups, rows, matrix, seed)
    low = positive.take(slice(0, math.ceil(len(positive.left) / DECILES)))
    high = negative.take(slice(len(negative.left) - math.ceil(len(negative.left) / DECILES), None))
    rng = seeds.generator(seed, "adversarial ticket pairs")
    pairs = _balanced(high, low, n // 2, rng)
    auc = roc_auc_score(pairs.label, overlap(matrix, pairs.left, pairs.right))
    if auc >= 0.5:
        raise BadInput(f"{len(rows)} tickets: TF-IDF scores AUC {auc:.3f} on the adversarial pairs, expected below 0.5")
    return pairs


def overlap_deciles(groups: NDArray[np.integer], rows: Rows, matrix: csr_matrix, n: int, seed: int) -> list[Decile]:
    """Balanced pairs, about n in all, within each decile of overlap, from the least to the most.

    The edges are deciles over equally many positives and negatives together. A decile in which one
    kind is missing, or which ties make empty, is joined with the next.
    """
    negative, positive = _pools(groups, rows, matrix, seed)
    rng = seeds.generator(seed, "deciles of ticket pairs")
    each = min(len(negative.left), len(positive.left))
    both = np.concatenate([_some(pool, each, rng).overlap for pool in (negative, positive)])
    edges = np.quantile(both, np.linspace(0, 1, DECILES + 1)[1:-1]).astype(np.float32)
    found = []
    for of_negative, of_positive in _both_kinds(negative.overlap, positive.overlap, edges):
        pairs = negative.take(of_negative), positive.take(of_positive)
        low, high = min(part.overlap[0] for part in pairs), max(part.overlap[-1] for part in pairs)
        found.append(Decile(float(low), float(high), _balanced(*pairs, n // (2 * DECILES), rng)))
    return found


def legacy_pairs(groups: NDArray[np.integer], rows: Rows, matrix: csr_matrix, n: int, seed: int) -> Labelled:
    """The seed's "adversarial" pairs: the label IS the overlap, above or below the median; reported, never judged.

    TF-IDF scores AUC 1.0 on them by definition, whatever the tickets mean.
    """
    pools = _pools(groups, rows, matrix, seed)
    rng = seeds.generator(seed, "legacy ticket pairs")
    each = min(n // 2, *(len(pool.left) for pool in pools))
    left, right, shared = (np.concatenate(parts) for parts in zip(*(_some(pool, each, rng) for pool in pools)))
    return Labelled(left, right, (shared > np.median(shared)).astype(np.int64))


def _pools(groups: NDArray[np.integer], rows: Rows, matrix: csr_matrix, seed: int) -> tuple[Pool, Pool]:
    """Negatives and positives, at most POOL of each, by rising overlap."""

    def pool(kind: drawing.Pairs, name: str) -> Pool:
        if not len(kind):
            raise BadInput(f"{len(rows)} tickets: no {name} pair, expected two labels, one of them with two tickets")
        left, right = kind.draw(POOL, seeds.generator(seed, f"pool of {name} ticket pairs"))
        shared = overlap(matrix, left, right)
        return Pool(left, right, shared).take(np.argsort(shared, kind="stable"))

    return pool(drawing.negatives(groups, rows), "negative"), pool(drawing.positives(groups, rows), "positive")


def _both_kinds(first: NDArray, second: NDArray, edges: NDArray) -> Iterator[tuple[slice, slice]]:
    """Neighbouring slices of two sorted arrays, cut at the edges where neither slice is empty."""
    cuts = list(zip(*(np.searchsorted(values, edges, side="right").tolist() for values in (first, second))))
    begin, end = (0, 0), (len(first), len(second))
    for cut in cuts:
        if begin[0] < cut[0] < end[0] and begin[1] < cut[1] < end[1]:
            yield slice(begin[0], cut[0]), slice(begin[1], cut[1])
            begin = cut
    yield slice(begin[0], end[0]), slice(begin[1], end[1])


def _balanced(negative: Pool, positive: Pool, each: int, rng: np.random.Generator) -> Labelled:
    each = min(each, len(negative.left), len(positive.left))
    return _joined(*((pool.left, pool.right) for pool in (_some(kind, each, rng) for kind in (negative, positive))))


def _some(pool: Pool, n: int, rng: np.random.Generator) -> Pool:
    return pool.take(rng.permutation(len(pool.left))[:n])


def _joined(negative: tuple[Rows, Rows], positive: tuple[Rows, Rows]) -> Labelled:
    left, right = (np.concatenate(sides) for sides in zip(negative, positive))
    return Labelled(left, right, np.repeat([0, 1], [len(negative[0]), len(positive[0])]))
