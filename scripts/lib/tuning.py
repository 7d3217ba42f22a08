"""How many lists an index has and how many a search probes: the least work that reaches a recall.

Recall is against the exact neighbours of queries that no test knows. Work is counted, not timed (vectors that a
query is compared with: the lists' centres and what the probed lists hold), so that the same vectors and
queries give the same index on any machine.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from . import index, vectors
from .errors import BadInput

NLIST = "{nlist}"  # where a factory string leaves the number of lists open
Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Tuning:
    """The numbers of lists to try, the neighbours of a query, and the share of them that must be found."""

    nlist: tuple = (16, 64, 256)
    k: int = 50
    target_recall: float = 0.99


def build(source: Path, queries: Path, factory: str, metric: str, how: Tuning, out: Path, device: str = "cpu") -> None:
    """Index `source` by the factory string with its `{nlist}` filled in; the choice is written into the manifest."""
    if metric not in ("inner_product", "cosine"):
        raise BadInput(f"metric {metric}: expected inner_product or cosine, in which queries are searched as they are")
    xb, ids, about = vectors.load(source)
    xq = _queries(queries, xb, metric)
    if how.k > len(xb):
        raise BadInput(f"{source}: {how.k} neighbours asked for, there are {len(xb)} vectors")
    truth = exact(xb, xq, how.k, metric)

    best: tuple[dict[str, Any], Any] | None = None
    for nlist in how.nlist:
        filled = factory.replace(NLIST, str(nlist))
        made = index.populated(xb, filled, metric, str(source), device)
        chosen = least_probes(made, nlist, xq, truth, how)
        if chosen and (best is None or chosen["work"] < best[0]["work"]):
            best = {**chosen, "factory": filled}, made
    if best is None:
        raise BadInput(f"{source}: {factory} with {list(how.nlist)} lists never reaches recall {how.target_recall}")
    told = {"metric": metric, "k": how.k, "target_recall": how.target_recall}
    index.write(out, best[1], ids, about, {**best[0], **told})


def least_probes(made: Any, nlist: int, xq: Matrix, truth: NDArray[np.int64], how: Tuning) -> dict[str, Any] | None:
    """The fewest probes (a power of two, or all lists) that reach the target, with recall and work; None if none do."""
    counted: Any = faiss.cvar
    for nprobe in [*(1 << at for at in range(nlist.bit_length()) if 1 << at < nlist), nlist]:
        index.set_nprobe(made, nprobe)
        counted.indexIVF_stats.reset()
        _, rows = made.search(xq, how.k)
        reached = recall(rows, truth)
        if reached >= how.target_recall:
            work = nlist + counted.indexIVF_stats.ndis / len(xq)
            return {"nprobe": nprobe, "recall": reached, "work": work}
    return None


def exact(xb: vectors.Matrix, xq: Matrix, k: int, metric: str = "inner_product") -> NDArray[np.int64]:
    """Rows of the k largest inner products, `(nq, k)`, by comparing with every row, block by block."""
    scores = np.full((len(xq), k), -np.inf, dtype=np.float32)
    rows = np.full((len(xq), k), -1)
    for start, block in vectors.blocks(xb):
        block = vectors.normalised(block, "vectors") if metric == "cosine" else block
        found = xq @ np.asarray(block, dtype=np.float32).T
        both = np.concatenate([scores, found], axis=1)
        numbers = np.concatenate([rows, np.broadcast_to(np.arange(start, start + len(block)), found.shape)], axis=1)
        best = np.argsort(-both, axis=1, kind="stable")[:, :k]
        scores, rows = np.take_along_axis(both, best, axis=1), np.take_along_axis(numbers, best, axis=1)
    return rows


def recall(found: NDArray[np.integer], truth: NDArray[np.integer]) -> float:
    """Share of the true neighbours that were found, over `(nq, k)` rows each."""
    return float(np.mean([len(np.intersect1d(one, other)) / len(other) for one, other in zip(found, truth)]))


def _queries(folder: Path, xb: vectors.Matrix, metric: str) -> Matrix:
    xq, _, _ = vectors.load(folder)
    if xq.shape[1] != xb.shape[1]:
        raise BadInput(f"{folder}: queries are {xq.shape[1]} wide, the vectors {xb.shape[1]}")
    return np.array(vectors.normalised(xq, str(folder)) if metric == "cosine" else xq, dtype=np.float32)
