"""Second stages over the first 50 hits, each labelled by what it knows. None of them sees the answer.

The original's older reranker read the answer's own metadata and rewarded the context itself, which
made half of its recall. What these may know: the query, the hits, and the article that was being read.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from . import scores
from .latency import HITS
from .predictor import Predictor
from .ranking import EXCLUDED, Bench
from .windows import CONTEXT

Matrix = NDArray[np.float32]
Rows = NDArray[np.int64]
LAMBDA = 0.7  # of MMR: relevance against novelty
NEVER = 1 << 30  # the rank of a truth that is not among the hits


def entries(bench: Bench, model: Predictor, seed: int) -> scores.Entries:
    """Each second stage as a slice, with the first stage alone as its baseline."""
    hits, relevance = first_stage(bench, model)
    stages: dict[str, Callable[[], Matrix]] = {
        "same-article shard (knows the article being read)": lambda: same_article(bench, hits, relevance),
        f"MMR {LAMBDA} (knows the hits)": lambda: mmr(bench, hits, relevance),
        "directional (knows the last two chunks)": lambda: directional(bench, hits, relevance),
    }
    found: scores.Entries = []
    for name, stage in stages.items():
        ranks = {"reranked": ranked(bench, hits, stage()), "first stage": ranked(bench, hits, relevance)}
        found += scores.of_hits(f"reranked: {name}", ranks, bench.groups, seed)
    return found


def first_stage(bench: Bench, model: Predictor) -> tuple[Rows, Matrix]:
    """Columns of the best hits with the context excluded and their scores, `(q, n)` each with n HITS at most."""
    columns, values, n = [], [], min(HITS, len(bench.pool) - CONTEXT)
    for block, found in bench.scored(model):
        candidates = np.where(bench.hidden(EXCLUDED, block), -np.inf, found)
        best = np.argsort(-candidates, axis=1, kind="stable")[:, :n]
        columns.append(best)
        values.append(np.take_along_axis(candidates, best, axis=1))
    return np.concatenate(columns), np.concatenate(values)


def ranked(bench: Bench, hits: Rows, values: Matrix) -> Rows:
    """Rank of the truth when the hits are ordered by `values` `(q, HITS)`; ties count against it."""
    truth = hits == bench.truth[:, None]
    own = np.where(truth, values, -np.inf).max(axis=1, keepdims=True)
    return np.where(truth.any(axis=1), (~(values < own)).sum(axis=1), NEVER)


def same_article(bench: Bench, hits: Rows, relevance: Matrix) -> Matrix:
    """Hits of the article that is being read come first, in their old order."""
    same = bench.payload.articles[bench.pool[hits]] == bench.groups[:, None]
    return relevance + 10 * same


def mmr(bench: Bench, hits: Rows, relevance: Matrix) -> Matrix:
    """Maximal marginal relevance (Carbonell and Goldstein 1998): minus the place at which a hit is taken."""
    places = np.empty_like(relevance)
    for at, (own, relevant) in enumerate(zip(hits, relevance)):
        vectors = bench.payload.vectors[bench.pool[own]].astype(np.float32)
        alike, nearest = vectors @ vectors.T, np.zeros(len(own))
        left = np.ones(len(own), dtype=bool)
        for place in range(len(own)):
            best = int(np.argmax(np.where(left, LAMBDA * relevant - (1 - LAMBDA) * nearest, -np.inf)))
            places[at, best], left[best] = -place, False
            nearest = np.maximum(nearest, alike[best])
    return places


def directional(bench: Bench, hits: Rows, relevance: Matrix) -> Matrix:
    """Hits that lie where the last two chunks point gain: relevance + 0.1 cos(hit - last, last - the one before)."""
    stored, targets = bench.payload.vectors, bench.targets
    last, before = (stored[targets - age].astype(np.float32) for age in (1, 2))
    ahead = stored[bench.pool[hits]].astype(np.float32) - last[:, None]  # (q, HITS, d)
    heading = last - before
    lengths = np.linalg.norm(ahead, axis=2) * np.linalg.norm(heading, axis=1)[:, None]
    return relevance + 0.1 * np.einsum("qkd,qd->qk", ahead, heading) / np.maximum(lengths, 1e-9)
