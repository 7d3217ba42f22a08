"""What other indexes of the same numbers would find and cost: recall against latency, for a picture.

The index of a run is of one kind, tuned to one recall. Here every kind is built anew over the same vectors and
asked the same questions with ever more probes, and with as many as the run's.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import index, tuning
from ..tuning import NLIST
from .timing import cpu_ms, one_thread

Matrix = NDArray[np.float32]


def sweep(
    xb: Matrix, xq: Matrix, kinds: Sequence[str], nlist: int, tuned: int | None, k: int, timed: int
) -> dict[str, dict[str, Any]]:
    """By "{factory}, {nprobe} probes" (or the factory alone): recall_at_k against exact search, p50_ms and p95_ms.

    xb `(n, d)` what is indexed, xq `(q, d)` questions, the first `timed` of which are asked, in CPU time of one
    thread. A kind is a factory string, its `{nlist}` filled in; BadInput when FAISS cannot build one.
    """
    xq = xq[:timed]
    nearest = tuning.exact(xb, xq, k)
    found = {}
    with one_thread():
        for kind in kinds:
            factory = kind.replace(NLIST, str(nlist))
            made = index.populated(xb, factory, "inner_product", "mamba.eval.kinds")
            for nprobe in probes(index.lists(made), tuned):
                if nprobe:
                    index.set_nprobe(made, nprobe)
                name = f"{factory}, {nprobe} probes" if nprobe else factory
                found[name] = {"kind": factory, "nprobe": nprobe, **measured(made, xb, xq, nearest)}
    return found


def probes(nlist: int | None, tuned: int | None) -> list[int | None]:
    """Powers of two up to all lists, and the tuned number; nothing to choose where there are no lists."""
    return [*sorted({*(1 << at for at in range(nlist.bit_length())), tuned or 1})] if nlist else [None]


def measured(made: Any, xb: Matrix, xq: Matrix, nearest: Matrix) -> dict[str, float]:
    """Recall of all questions at once; milliseconds of each alone, after one that warms the caches."""
    k = nearest.shape[1]
    reached = tuning.recall(tuning.products(xb, xq, made.search(xq, k)[1]), nearest)
    made.search(xq[:1], k)
    ms = [cpu_ms(lambda at: made.search(xq[at : at + 1], k), at) for at in range(len(xq))]
    p50, p95 = np.percentile(ms, [50, 95])
    return {f"recall_at_{k}": reached, "p50_ms": float(p50), "p95_ms": float(p95)}
