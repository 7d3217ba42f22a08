"""Scores with their uncertainty. Everything is numpy; fractions run from 0 to 1."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import seeds

Array = NDArray[np.floating]
RESAMPLES = 2000


def rank_of_truth(scores: Array, truth: NDArray[np.integer]) -> NDArray[np.int64]:
    """1-based rank of the true column in each row, `(q, n)` and `(q,)` to `(q,)`; ties and NaN count against it.

    Counting ties against the truth makes a constant predictor score nothing rather than everything.
    """
    own = scores[np.arange(len(truth)), truth][:, None]
    return (~(scores < own)).sum(axis=1)


def recall_at_k(ranks: NDArray[np.integer], k: int) -> Array:
    """1.0 where the truth is among the first k, `(q,)` to `(q,)`."""
    return (ranks <= k).astype(np.float64)


def reciprocal_rank(ranks: NDArray[np.integer], cutoff: int | None = None) -> Array:
    """1 / rank, 0 beyond the cutoff; its mean is MRR (mrr_at_10 with cutoff 10)."""
    scores = 1.0 / ranks
    return scores if cutoff is None else np.where(ranks <= cutoff, scores, 0.0)


def ranks_of_relevant(scores: Array, relevant: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Ranks, from 1 and rising, of the relevant columns of each row, `(q, n)` and `(q, n)` to q arrays.

    Columns with score -inf are not candidates. Ties count against the relevant, as in rank_of_truth.
    """
    found = []
    for row, wanted in zip(scores, relevant & ~np.isneginf(scores)):
        own = np.sort(row[wanted])
        above = len(row) - np.searchsorted(np.sort(row), own)  # columns that score as much or more
        others = above - (len(own) - np.searchsorted(own, own))  # irrelevant ones among them
        found.append(others[::-1] + np.arange(1, len(own) + 1))
    return found


def average_precision(scores: Array, relevant: NDArray[np.bool_]) -> Array:
    """Average precision of each row, `(q, n)` and `(q, n)` to `(q,)`; NaN where nothing is relevant.

    Columns with score -inf are not candidates. Ties count against the relevant.
    """
    return np.array([precision_at(ranks) for ranks in ranks_of_relevant(scores, relevant)])


def precision_at(ranks: NDArray[np.integer]) -> float:
    """Mean precision at the rising ranks of what is relevant: the average precision of one query."""
    return float((np.arange(1, len(ranks) + 1) / ranks).mean()) if len(ranks) else float("nan")


def ndcg_at_k(scores: Array, gains: Array, k: int) -> Array:
    """Normalised discounted cumulative gain of each row, `(q, n)` and `(q, n)` to `(q,)` (Jarvelin 2002).

    Ties count against the larger gain; NaN where no gain is above 0.
    """
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    order = np.lexsort((gains, -scores), axis=1)[:, :k]
    reached = (np.take_along_axis(gains, order, axis=1) * discount[: order.shape[1]]).sum(axis=1)
    ideal = (-np.sort(-gains, axis=1)[:, :k] * discount[: order.shape[1]]).sum(axis=1)
    with np.errstate(invalid="ignore"):
        return reached / ideal


def resampled_means(values: Array, groups: NDArray | None, seed: int, resamples: int = RESAMPLES) -> Array:
    """Bootstrap samples of the mean, `(n, m)` to `(resamples, m)`, drawing whole groups (Efron 1979).

    All columns share their draws, so that differences between columns are paired. `groups` is
    `(n,)` and names the group of each row; None lets each row stand alone. NaN when n is 0.
    """
    if len(values) == 0:
        return np.full((resamples, values.shape[1]), np.nan)
    _, member = np.unique(np.arange(len(values)) if groups is None else groups, return_inverse=True)
    counts = np.bincount(member)
    sums = np.stack([np.bincount(member, column) for column in values.T], axis=1)  # (groups, m)
    draws = group_weights(len(counts), seed, resamples)
    return (draws @ sums) / (draws @ counts)[:, None]


def group_weights(n_groups: int, seed: int, resamples: int = RESAMPLES) -> Array:
    """How often each group is drawn in each bootstrap sample, `(resamples, n_groups)`."""
    rng = seeds.generator(seed, "bootstrap", n_groups)
    return rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=resamples).astype(np.float64)


def interval(samples: Array) -> list[float] | None:
    """95 % percentile interval of bootstrap samples; None when one of them is NaN."""
    bounds = np.percentile(samples, [2.5, 97.5])
    return bounds.tolist() if np.isfinite(bounds).all() else None


def compare(
    metric: str, slice_name: str, model: Array, baselines: dict[str, Array], groups: NDArray | None, seed: int
) -> dict[str, Any]:
    """One entry of metrics.json: the mean of per-query scores and its paired lead over each baseline.

    `model` and every baseline are `(n,)` scores of the same queries in the same order.
    """
    values = np.stack([model, *baselines.values()], axis=1)
    with np.errstate(invalid="ignore"):
        means = values.sum(axis=0) / len(values)
    return entry(metric, slice_name, len(values), means, resampled_means(values, groups, seed), list(baselines))


def entry(metric: str, slice_name: str, n: int, values: Array, samples: Array, names: list[str]) -> dict[str, Any]:
    """One entry of metrics.json from point values `(1 + b,)` and paired bootstrap samples `(r, 1 + b)`.

    Column 0 is the model, the others the baselines in the order of `names`. What is NaN becomes
    null, which no gate lets through.
    """
    return {
        "metric": metric,
        "slice": slice_name,
        "n": n,
        "value": _known(values[0]),
        "interval": interval(samples[:, 0]),
        "baselines": [
            {
                "name": name,
                "value": _known(values[column]),
                "difference": _known(values[0] - values[column]),
                "interval": interval(samples[:, 0] - samples[:, column]),
            }
            for column, name in enumerate(names, start=1)
        ],
    }


def _known(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
