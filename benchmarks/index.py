"""What a search costs and finds: kinds of FAISS indexes over clustered vectors, one query at a time, one thread.

    PYTHONPATH=scripts python benchmarks/index.py --n 584000 --dim 768

Vectors are drawn around random centres, as passages cluster by subject; queries are other draws. For each
kind and number of probes: recall@50 against exact search, CPU milliseconds a query (P50, P95: the wall clock
of a shared machine would measure its neighbours), and the ratio of P95 to an exact scan's.
"""

import argparse
import time
from collections.abc import Callable

import faiss
import numpy as np

from lib import index, seeds, tuning
from lib.provenance import environment

K = 50
KINDS = ("IVF{nlist},Flat", "IVF{nlist},SQfp16", "IVF{nlist},SQ8,RFlat", "IVF{nlist}_HNSW32,SQfp16")
PROBES = (4, 8, 16, 32, 64)
SPREAD = 0.6  # of a vector around its centre, against the centre's length


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=584_000, help="vectors")
    parser.add_argument("--dim", type=int, default=768, help="of a vector")
    parser.add_argument("--centres", type=int, default=4000, help="that vectors are drawn around")
    parser.add_argument("--nlist", type=int, default=2048, help="lists of an index")
    parser.add_argument("--kinds", nargs="+", default=KINDS, help="factory strings with {nlist}")
    parser.add_argument("--queries", type=int, default=300, help="asked one by one")
    args = parser.parse_args()
    faiss.omp_set_num_threads(1)

    xb = clustered(args.n, args.dim, args.centres, "base")
    xq = clustered(args.queries, args.dim, args.centres, "queries")
    nearest = tuning.exact(xb, xq, K)
    print(environment())
    print(f"{args.n} x {args.dim}, {args.centres} centres, k {K}, {args.queries} queries, 1 thread")
    flat = index.populated(xb, "Flat", "inner_product", "benchmark")
    exact = report("Flat", flat, xb, xq, nearest, None)
    del flat
    for kind in args.kinds:
        started = time.process_time()
        factory = kind.replace(tuning.NLIST, str(args.nlist))
        made = index.populated(xb, factory, "inner_product", "benchmark")
        print(f"{factory}: built in {time.process_time() - started:.0f} CPU s")
        for nprobe in PROBES:
            index.set_nprobe(made, nprobe)
            report(f"  nprobe {nprobe}", made, xb, xq, nearest, exact)


def clustered(n: int, dim: int, centres: int, purpose: str) -> np.ndarray:
    """Unit vectors `(n, dim)` around common centres."""
    middles = seeds.generator(1, "centres").standard_normal((centres, dim), dtype=np.float32)
    middles /= np.linalg.norm(middles, axis=1, keepdims=True)
    rng = seeds.generator(1, purpose)
    found = np.empty((n, dim), dtype=np.float32)
    for start in range(0, n, 16384):
        block = found[start : start + 16384]
        block[:] = middles[rng.integers(centres, size=len(block))]
        block += SPREAD / dim**0.5 * rng.standard_normal(block.shape, dtype=np.float32)
        block /= np.linalg.norm(block, axis=1, keepdims=True)
    return found


def report(name: str, made, xb: np.ndarray, xq: np.ndarray, nearest: np.ndarray, exact: float | None) -> float:
    """Print one line and return P95 in CPU milliseconds."""
    asked = xq if exact else xq[:20]
    answers, ms = zip(*(timed(lambda query=query: made.search(query[None], K)) for query in asked))
    rows = np.concatenate([found for _, found in answers])
    p50, p95 = np.percentile(ms, [50, 95])
    recall = tuning.recall(tuning.products(xb, asked, rows), nearest[: len(asked)])
    ratio = f"  {exact / p95:6.1f} x exact" if exact else ""
    print(f"{name:24} recall@{K} {recall:.4f}  P50 {p50:7.3f} ms  P95 {p95:7.3f} ms{ratio}")
    return float(p95)


def timed(search: Callable) -> tuple:
    started = time.process_time_ns()
    answer = search()
    return answer, (time.process_time_ns() - started) / 1e6


if __name__ == "__main__":
    main()
