"""What an answer costs and what the index loses: questions asked one by one, through the index, over all chunks.

Times are CPU milliseconds of this process with one thread, apart for model, search and lookup.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .. import metrics, seeds, tuning
from ..index import Index
from . import scores
from .predictor import Predictor
from .ranking import Bench
from .search import Search, padded
from .sweep import sweep
from .timing import cpu_ms, one_thread
from .windows import CONTEXT, contexts

HITS = 50
WARM_UP = 10
SLICE = "through the index, all chunks"
READ = 1 << 26  # numbers summed to see how fast memory is read


@dataclass(frozen=True)
class Through:
    """Ranks (q,) of the truth among HITS hits without the context, HITS + 1 if it is not; times (n,); summaries."""

    ranks: NDArray[np.int64]
    search_ms: NDArray[np.floating]
    told: dict[str, Any]
    configurations: dict[str, dict[str, Any]]  # of other kinds of index, see sweep.py


def through_index(bench: Bench, model: Predictor, index: Index, timed: int, kinds: Sequence[str]) -> Through:
    """Ask all questions at once for their ranks, and `timed` of them one by one for their cost."""
    queries = bench.ask(model.queries, model.context)
    search = Search(bench, model, index)
    wanted = min(HITS + CONTEXT, len(index.ids))
    rows = search(queries, wanted)[1]
    nearest = search.nearest(queries, min(HITS, wanted))
    reached = tuning.recall(search.products(queries, rows[:, : nearest.shape[1]]), nearest)
    with one_thread():
        times = _times(bench, model, search, queries, min(timed, len(queries)))
    told: dict[str, Any] = {
        part: {"p50_ms": _percentile(ms, 50), "p95_ms": _percentile(ms, 95)} for part, ms in times.items()
    }
    about = {key: index.manifest.get(key) for key in ("factory", "n", "dim", "nlist")}
    about |= {"nprobe": index.nprobe, "recall_at_50": reached, "read_gb_per_second": read_rate()}
    told |= {"index": about, "threads": 1, "n": len(times["search"])}
    nlist = index.manifest.get("nlist") or round(len(index.ids) ** 0.5)
    asked = padded(queries[:, : search.width])
    others = sweep(padded(search.held), asked, kinds, nlist, index.nprobe, nearest.shape[1], timed)
    return Through(_ranks(bench, rows), times["search"], told, others)


def entries(bench: Bench, through: Through, seed: int) -> scores.Entries:
    """The model's ranks through the index, and p95_ms of the search with its interval over questions."""
    ms = through.search_ms
    draws = seeds.generator(seed, "latency").integers(len(ms), size=(metrics.RESAMPLES, len(ms)))
    samples = np.percentile(ms[draws], 95, axis=1)[:, None]
    p95 = metrics.entry("p95_ms", "search", len(ms), np.array([_percentile(ms, 95)]), samples, [])
    return [*scores.of_hits(SLICE, {"model": through.ranks}, bench.groups, seed), p95]


def _times(bench: Bench, model: Predictor, search: Search, queries: NDArray[np.float32], n: int) -> dict[str, Any]:
    """CPU milliseconds of each step of n questions, `(n,)` each."""
    texts, rows = bench.payload.texts, bench.targets
    asked = [bench.vectors(contexts(rows[at : at + 1], _seen(bench, model, at))) for at in range(n)]
    found = [search(queries[at : at + 1], HITS)[1][0] for at in range(min(WARM_UP, n))]

    def ask(at: int) -> None:
        found.append(search(queries[at : at + 1], HITS)[1][0])

    steps: dict[str, Callable[[int], Any]] = {
        "model": lambda at: model.queries(asked[at]),
        "search": ask,
        "lookup": lambda at: [texts[row] for row in found[-n + at]],
    }
    with torch.no_grad():
        return {part: np.array([cpu_ms(step, at) for at in range(n)]) for part, step in steps.items()}


def _seen(bench: Bench, model: Predictor, at: int) -> int:
    before = int(bench.payload.positions[bench.targets[at]])
    return min(before, model.context) if model.context else before


def _ranks(bench: Bench, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rank of the truth among hits `(q, k)` that are no context; HITS + 1 where it is not among the first HITS."""
    targets = bench.targets[:, None]
    context = (rows >= targets - CONTEXT) & (rows < targets)
    place = np.cumsum(~context, axis=1)
    hit = rows == targets
    ranks = np.where(hit.any(axis=1), np.take_along_axis(place, hit.argmax(axis=1)[:, None], axis=1)[:, 0], HITS + 1)
    return np.minimum(ranks, HITS + 1)


def _percentile(ms: NDArray[np.floating], percent: float) -> float:
    return float(np.percentile(ms, percent))


def read_rate() -> float:
    """Gigabytes of memory that one thread reads in a second of CPU time: what a search is bound by."""
    numbers = np.ones(READ, dtype=np.float32)
    return numbers.nbytes / 1e6 / cpu_ms(lambda _: numbers.sum(), 0)
