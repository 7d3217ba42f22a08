"""How many lists an index has and how many a search probes: the least work that reaches a recall.

Recall is against the exact neighbours of queries that no test knows. Work is counted, not timed (vectors that a
query is compared with: the lists' centres and what the probed lists hold), so that the same vectors and
queries give the same index on any machine.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from . import index, vectors
from .errors import BadInput

NLIST = "{nlist}"  # where a factory string leaves the number of lists open
TIE = 1e-5  # share by which inner products of float32 may differ and be equal, summed in another order
Matrix = NDArray[np.float32]
Rows = NDArray[np.int64]


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
    nearest = exact(xb, xq, how.k, metric)

    def reached(rows: Rows) -> float:
        return recall(products(xb, xq, rows, metric), nearest)

    best: tuple[dict[str, Any], Any] | None = None
    for nlist in how.nlist:
        filled = factory.replace(NLIST, str(nlist))
        made = index.populated(xb, filled, metric, str(source), device)
        chosen = least_probes(made, nlist, xq, reached, how)
        if chosen and (best is None or chosen["work"] < best[0]["work"]):
            best = {**chosen, "factory": filled}, made
    if best is None:
        raise BadInput(f"{source}: {factory} with {list(how.nlist)} lists never reaches recall {how.target_recall}")
    told = {"metric": metric, "k": how.k, "target_recall": how.target_recall}
    index.write(out, best[1], ids, about, {**best[0], **told})


def least_probes(
    made: Any, nlist: int, xq: Matrix, reached: Callable[[Rows], float], how: Tuning
) -> dict[str, Any] | None:
    """The fewest probes whose rows have `reached` the target, with recall and work; None if all lists have not.

    Doubled until they have, then halved between: recall grows with probes.
    """
    counted: Any = faiss.cvar

    def probed(nprobe: int) -> dict[str, Any]:
        index.set_nprobe(made, nprobe)
        counted.indexIVF_stats.reset()
        _, rows = made.search(xq, how.k)
        return {"nprobe": nprobe, "recall": reached(rows), "work": nlist + counted.indexIVF_stats.ndis / len(xq)}

    few, found = 0, probed(1)
    while found["recall"] < how.target_recall:
        few = found["nprobe"]
        if few == nlist:
            return None
        found = probed(min(2 * few, nlist))
    while found["nprobe"] - few > 1:
        between = probed((few + found["nprobe"]) // 2)
        if between["recall"] < how.target_recall:
            few = between["nprobe"]
        else:
            found = between
    return found


def exact(xb: vectors.Matrix, xq: Matrix, k: int, metric: str = "inner_product") -> Matrix:
    """The k largest inner products, `(nq, k)`, the largest first, by comparing with every row, block by block."""
    largest = np.full((len(xq), k), -np.inf, dtype=np.float32)
    for _, block in vectors.blocks(xb):
        both = np.concatenate([largest, xq @ _scaled(block, metric).T], axis=1)
        largest = np.sort(both, axis=1)[:, : -k - 1 : -1]
    return largest


def products(xb: vectors.Matrix, xq: Matrix, rows: Rows, metric: str = "inner_product") -> Matrix:
    """Inner products of each query with its own rows, `(nq, k)`; -inf where an index found none and says -1."""
    found = np.stack([_scaled(xb[own], metric) @ query for query, own in zip(xq, rows)])
    return np.where(rows < 0, -np.inf, found)


def recall(found: Matrix, nearest: Matrix) -> float:
    """Share of the k nearest that were found: of hits no farther than the k-th, whichever of equals they are.

    Inner products `(nq, k)` each, of what a search found and of what exact search does.
    """
    last = nearest.min(axis=1, keepdims=True)
    return float(np.mean(found >= last - TIE * np.abs(last)))


def _scaled(xb: vectors.Matrix, metric: str) -> Matrix:
    return np.asarray(vectors.normalised(xb, "vectors") if metric == "cosine" else xb, dtype=np.float32)


def _queries(folder: Path, xb: vectors.Matrix, metric: str) -> Matrix:
    xq, _, _ = vectors.load(folder)
    if xq.shape[1] != xb.shape[1]:
        raise BadInput(f"{folder}: queries are {xq.shape[1]} wide, the vectors {xb.shape[1]}")
    return np.array(vectors.normalised(xq, str(folder)) if metric == "cosine" else xq, dtype=np.float32)
