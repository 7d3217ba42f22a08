"""From ranks to entries of metrics.json: how often and how early the true next chunk is found.

contain_at_50 is the share of questions whose truth is among 50 hits, eff_at_5 = recall_at_5 / contain_at_50:
what share of what a search contains is on top. Intervals are drawn over articles.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from .. import metrics
from . import ranking
from .predictor import Predictor
from .ranking import ARTICLE, EXCLUDED, LEFT_IN, Bench
from .splits import lot

Entries = list[dict[str, Any]]
Array = NDArray[np.floating]
Groups = NDArray[np.int64]
Ranks = Mapping[str, NDArray[np.int64]]
CONTAIN, TOP = 50, 5
SLICES = (EXCLUDED, LEFT_IN, ARTICLE)
SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)  # of the articles, for recall against the size of the pool


@dataclass(frozen=True)
class Asked:
    """What one system answered: ranks (q,) of the truth by slice, cosines (q,) to the true vector."""

    ranks: dict[str, NDArray[np.int64]]
    cosines: Array


def asked(bench: Bench, systems: Mapping[str, Predictor]) -> dict[str, Asked]:
    """Every system's answers to the same questions."""
    return {
        name: Asked(ranking.ranks(bench, system, SLICES), ranking.cosines(bench, system))
        for name, system in systems.items()
    }


def entries(bench: Bench, systems: Mapping[str, Asked], seed: int) -> Entries:
    """All metrics of the first system, with every other as its baseline."""
    found: Entries = []
    for slice_name in SLICES:
        found += of_ranks(slice_name, {name: of.ranks[slice_name] for name, of in systems.items()}, bench.groups, seed)
    cosines = {name: of.cosines for name, of in systems.items()}
    return [*found, _compared("cosine", "all", cosines, bench.groups, seed)]


def of_ranks(slice_name: str, ranks: Ranks, groups: Groups, seed: int) -> Entries:
    """What of_hits tells, contain_at_50, its lead over the best baseline, and eff_at_5 of one slice."""
    found = of_hits(slice_name, ranks, groups, seed)
    return [*found, *_lead(slice_name, ranks, groups, seed), _efficiency(slice_name, ranks, groups, seed)]


def of_hits(slice_name: str, ranks: Ranks, groups: Groups, seed: int) -> Entries:
    """MRR, recall_at_k and contain_at_50; the first system is measured, the others are its baselines."""
    values = {"mrr": {name: metrics.reciprocal_rank(own) for name, own in ranks.items()}}
    for metric, k in (("recall_at_1", 1), ("recall_at_5", TOP), ("recall_at_10", 10), ("contain_at_50", CONTAIN)):
        values[metric] = {name: metrics.recall_at_k(own, k) for name, own in ranks.items()}
    return [_compared(metric, slice_name, of, groups, seed) for metric, of in values.items()]


def _compared(metric: str, slice_name: str, values: Mapping[str, Array], groups: Groups, seed: int) -> dict[str, Any]:
    (_, own), *others = values.items()
    return metrics.compare(metric, slice_name, own, dict(others), groups, seed)


def _lead(slice_name: str, ranks: Ranks, groups: Groups, seed: int) -> Entries:
    """How far contain_at_50 lies above the best baseline's: a bar of 0 asks only that it is not below."""
    (_, own), *others = ((name, metrics.recall_at_k(of, CONTAIN)) for name, of in ranks.items())
    if not others:
        return []
    name, best = max(others, key=lambda pair: pair[1].mean())
    return [metrics.compare("contain_at_50_lead", slice_name, own - best, {name: np.zeros(len(own))}, groups, seed)]


def _efficiency(slice_name: str, ranks: Ranks, groups: Groups, seed: int) -> dict[str, Any]:
    columns = [metrics.recall_at_k(own, k) for own in ranks.values() for k in (TOP, CONTAIN)]
    table = np.stack(columns, axis=1)  # (q, 2 systems)
    samples = metrics.resampled_means(table, groups, seed)
    with np.errstate(invalid="ignore", divide="ignore"):
        values, drawn = (means[..., 0::2] / means[..., 1::2] for means in (table.mean(axis=0), samples))
    return metrics.entry("eff_at_5", slice_name, len(table), values, drawn, list(ranks)[1:])


def by_pool_size(bench: Bench, systems: Mapping[str, Predictor], seed: int) -> dict[str, Any]:
    """Recall at 5 with growing parts of the pool's articles as candidates, each part holding the smaller ones."""
    names = bench.payload.names
    places = np.array([lot(seed, "pool", names[article]) for article in bench.payload.articles[bench.pool]])
    members = places[:, None] < np.array(SHARES)
    found = {name: ranking.by_pool_size(bench, system, members, TOP) for name, system in systems.items()}
    return {"chunks": members.sum(axis=0).tolist(), "recall_at_5": found}


def backward_margins(bench: Bench, systems: Mapping[str, Predictor]) -> dict[str, float]:
    """Mean cosine to the next chunk less that to the last: negative for any good predictor, so never judged."""

    def margin(predictor: Predictor) -> float:
        def last(contexts: Tensor) -> Tensor:
            return (predictor.next_vectors(contexts) * contexts[:, -1]).sum(dim=1, keepdim=True)

        return float(ranking.cosines(bench, predictor).mean() - bench.ask(last, predictor.context).mean())

    return {name: margin(system) for name, system in systems.items()}
