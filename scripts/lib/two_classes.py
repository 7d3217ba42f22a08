"""How well a score tells two classes apart.

Scores `(m,)` and labels `(m,)` of 0 and 1; `weights` `(r, m)` says how often each row is drawn in each of
r samples, so that one call gives all of a bootstrap: results are `(r,)`.
"""

import numpy as np
from numpy.typing import NDArray

from .metrics import Array


def roc_auc(scores: Array, labels: NDArray[np.integer], weights: Array) -> Array:
    """Chance that a positive scores above a negative, ties counting half; NaN with one class only."""
    positive = weights * labels
    n_positive, n_negative = positive.sum(axis=1), (weights * (1 - labels)).sum(axis=1)
    below = (positive * weighted_ranks(scores, weights)).sum(axis=1) - n_positive**2 / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return below / (n_positive * n_negative)


def spearman(scores: Array, labels: NDArray[np.integer], weights: Array) -> Array:
    """Rank correlation of score and label; for balanced labels without ties it is sqrt(3) / 2 * (2 AUC - 1)."""
    ranks, total = weighted_ranks(scores, weights), weights.sum(axis=1, keepdims=True)
    x = ranks - (weights * ranks).sum(axis=1, keepdims=True) / total
    y = labels - (weights * labels).sum(axis=1, keepdims=True) / total
    with np.errstate(invalid="ignore", divide="ignore"):
        return (weights * x * y).sum(axis=1) / np.sqrt((weights * x * x).sum(axis=1) * (weights * y * y).sum(axis=1))


def weighted_ranks(scores: Array, weights: Array) -> Array:
    """Weight below each row plus half the weight of its ties, itself among them, `(m,)` and `(r, m)` to `(r, m)`."""
    _, tie, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    order = np.argsort(tie, kind="stable")
    starts = np.cumsum(sizes) - sizes
    sums = np.add.reduceat(weights[:, order], starts, axis=1)  # (r, distinct scores)
    return (np.cumsum(sums, axis=1) - sums / 2)[:, tie]


def mean_difference(scores: Array, labels: NDArray[np.integer], weights: Array) -> Array:
    """Mean score of the positives less that of the negatives."""
    return np.subtract(*(_moments(scores, weights * of)[0] for of in (labels, 1 - labels)))


def cohens_d(scores: Array, labels: NDArray[np.integer], weights: Array) -> Array:
    """Difference of the means in units of the pooled standard deviation (Cohen 1988)."""
    (high, spread_high, n_high), (low, spread_low, n_low) = (
        _moments(scores, weights * of) for of in (labels, 1 - labels)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        return (high - low) / np.sqrt((spread_high + spread_low) / (n_high + n_low - 2))


def _moments(scores: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Mean, sum of squared deviations, and weight."""
    total = weights.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = weights @ scores / total
    return mean, weights @ scores**2 - total * mean**2, total


def f1(predicted: NDArray[np.bool_], labels: NDArray[np.integer], weights: Array) -> Array:
    """Harmonic mean of precision and recall of `predicted` `(m,)`; 0 where nothing true was predicted."""
    hits = (weights * (predicted & (labels == 1))).sum(axis=1)
    size = (weights * predicted).sum(axis=1) + (weights * labels).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return 2 * hits / size


def best_threshold(scores: Array, labels: NDArray[np.integer]) -> float:
    """The score from which on predicting a positive gives the highest F1; the highest of several."""
    order = np.argsort(-scores, kind="stable")
    ordered, hits = scores[order], np.cumsum(labels[order])
    last = np.append(np.diff(ordered) != 0, True)  # a threshold takes all rows of one score
    values = 2 * hits / (np.arange(1, len(scores) + 1) + labels.sum())
    return float(ordered[last][np.argmax(values[last])])
