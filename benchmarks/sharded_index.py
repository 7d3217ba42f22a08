"""An index by many jobs against the same in one piece, and from what each job cost the plan of a larger one.

    PYTHONPATH=scripts python benchmarks/sharded_index.py --n 1000000 --dim 384 --plan 100000000

Unit vectors around random centres are written whole and as shards. Each job is the script that the workflow runs, in a
process of its own: CPU seconds, and the peak of anonymous memory (files that the kernel maps need not fit). Both
indexes are asked the same. One thread throughout.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lib import seeds, vectors
from lib.index import Index
from lib.provenance import SCRIPTS, environment

BLOCK = 50_000
FEW = 64  # lists of a second filling, which tells what a row costs from what a list does
SAMPLED = 64  # rows that the plan learns a list from
EMBEDDED = 110.0  # chunks a CPU second, MiniLM: 4,976 in 45 s by embed_articles of the default run


@dataclass
class Cost:
    """What a job took: CPU seconds, and bytes beyond those of a process that has imported the same."""

    seconds: float
    peak: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=1_000_000, help="vectors")
    parser.add_argument("--dim", type=int, default=384, help="of a vector")
    parser.add_argument("--shards", type=int, default=10, help="jobs that fill")
    parser.add_argument("--nlist", type=int, default=1024, help="inverted lists")
    parser.add_argument("--sample", type=int, default=65536, help="rows that they are learnt from in shards")
    parser.add_argument("--plan", type=int, default=100_000_000, help="vectors of the plan")
    parser.add_argument("--rows", type=int, default=1_000_000, help="vectors of a job of the plan")
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parts = [folder / f"shard-{number}" for number in range(args.shards)]
        ids = [f"{number:09}" for number in range(args.n)]
        sizes = np.linspace(0, args.n, args.shards + 1).astype(int)
        for number, part in enumerate(parts):
            start, end = int(sizes[number]), int(sizes[number + 1])
            vectors.save_parts(part, drawn(start, end, args.dim), ids[start:end], {})
        vectors.save_parts(folder / "whole", drawn(0, args.n, args.dim), ids, {})

        costs = measured(folder, parts, args)
        same = agreement(folder, args.dim)
        size = sum(file.stat().st_size for file in (folder / "merged").iterdir())
    report(costs, same, args)
    plan(costs, size / args.n, args)


def drawn(start: int, end: int, dim: int) -> Iterator[np.ndarray]:
    """Rows of one endless matrix, a block at a time, so that shards and whole hold the same."""
    middles = seeds.generator(1, "centres").standard_normal((2000, dim), dtype=np.float32)
    for at in range(start, end, BLOCK):
        numbers = np.arange(at, min(at + BLOCK, end))
        rows = (
            middles[numbers * 7919 % 2000]
            + np.concatenate(
                [
                    seeds.generator(1, "rows", int(chunk)).standard_normal((1000, dim), dtype=np.float32)
                    for chunk in range(at // 1000, -(-int(numbers[-1] + 1) // 1000))
                ]
            )[at % 1000 :][: len(numbers)]
        )
        yield rows / np.linalg.norm(rows, axis=1, keepdims=True)


def measured(folder: Path, parts: list[Path], args: argparse.Namespace) -> dict[str, Cost]:
    """Cost of every job; those that fill a shard are its dearest in memory and their sum in seconds."""
    kind = ["--factory", f"IVF{args.nlist},SQfp16", "--metric", "inner_product"]
    few = ["--factory", f"IVF{FEW},SQfp16", "--metric", "inner_product", "--sample", FEW * SAMPLED]
    train = ["train_faiss_index.py", *parts]
    fill = ["fill_faiss_index.py", "--vectors", parts[0], "--shard", 1]
    costs = {"nothing": job("train_faiss_index.py", "--help")}
    whole = job("build_faiss_index.py", "--help")
    costs["in one piece"] = job("build_faiss_index.py", "--vectors", folder / "whole", *kind, "--out", folder / "one")
    costs["train"] = job(*train, *kind, "--sample", args.sample, "--out", folder / "learnt")
    costs["train on all"] = job(*train, *kind, "--out", folder / "trained")
    filled = [folder / f"filled-{number}" for number in range(1, args.shards + 1)]
    each = []
    for number, (part, out) in enumerate(zip(parts, filled), start=1):
        where = ["--trained", folder / "trained", "--vectors", part, "--shard", number, "--out", out]
        each.append(job("fill_faiss_index.py", *where))
    costs["fill"] = Cost(sum(cost.seconds for cost in each), max(cost.peak for cost in each))
    costs["merge"] = job("merge_faiss_index.py", *filled, "--trained", folder / "trained", "--out", folder / "merged")
    job(*train, *few, "--out", folder / "few")
    costs["fill few"] = job(*fill, "--trained", folder / "few", "--out", folder / "filled-few")
    for name, cost in costs.items():
        empty = whole if name == "in one piece" else costs["nothing"]
        cost.peak -= empty.peak if cost is not empty else 0
    return costs


def job(*command: object) -> Cost:
    """Run a script to its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    words = [sys.executable, str(SCRIPTS / str(command[0])), *map(str, command[1:])]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    status, peak = Path(f"/proc/{process.pid}/status"), 0
    while process.poll() is None:
        peak = max(peak, anonymous(status))
        time.sleep(0.02)
    if process.returncode:
        sys.exit(f"{words[1]} failed")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, peak)


def anonymous(status: Path) -> int:
    """Bytes of memory that no file stands behind; 0 of a process that has just ended."""
    lines = status.read_text().splitlines()
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon:")), 0)


def agreement(folder: Path, dim: int) -> bool:
    """Whether both indexes find the same rows with the same scores."""
    asked = next(drawn(0, 200, dim)) + 0.3 * next(drawn(500, 700, dim))
    one, merged = (Index(folder / name, 16).search(asked, 50) for name in ("one", "merged"))
    return all(np.array_equal(ours, theirs) for ours, theirs in zip(merged, one))


def report(costs: dict[str, Cost], same: bool, args: argparse.Namespace) -> None:
    print(environment())
    print(f"{args.n} x {args.dim}, IVF{args.nlist},SQfp16, {args.shards} shards, 1 thread")
    whole = costs["in one piece"]
    for name, cost in costs.items():
        said = f"{cost.seconds:7.1f} CPU s  peak {cost.peak / 1e6:7.0f} MB  {cost.peak / whole.peak:.2f} of one piece"
        print(f"{name:14} {said}")
    print(f"the same rows and scores: {'yes' if same else 'NO'}")


def plan(costs: dict[str, Cost], size: float, args: argparse.Namespace) -> None:
    """Print what `--plan` vectors would take, job by job, as a table; `size` is bytes of the index a row."""
    start = costs["nothing"].seconds
    nlist = 1 << int(np.log2(4 * args.plan**0.5))
    sample = SAMPLED * nlist
    rows = args.n / args.shards
    # seconds = rows * (of_row + of_list * nlist)
    each = (costs["fill"].seconds / args.shards - start) / rows
    of_list = (each - (costs["fill few"].seconds - start) / rows) / (args.nlist - FEW)
    of_row = each - of_list * args.nlist
    learning = costs["train on all"].seconds - costs["train"].seconds
    more = min(args.n, 1 << 18) - args.sample
    of_sample = learning / more / args.nlist  # seconds a row and list, all iterations
    of_reading = max(0.0, costs["train"].seconds - start - of_sample * args.sample * args.nlist) / args.n
    of_merging = (costs["merge"].seconds - start) / args.n

    jobs = -(-args.plan // args.rows)
    learn = of_sample * sample * nlist + of_reading * args.plan
    sampled = costs["train on all"].peak / min(args.n, 1 << 18)
    table = [
        ("embed", jobs, args.rows / EMBEDDED, 0.0),
        ("train", 1, learn, sampled * sample),
        (
            "fill",
            jobs,
            args.rows * (of_row + of_list * nlist),
            costs["fill"].peak / rows * args.rows + 4.0 * args.dim * nlist,
        ),
        ("merge", 1, of_merging * args.plan, costs["merge"].peak / args.n * args.plan),
    ]
    print(f"\n{args.plan} x {args.dim}: IVF{nlist},SQfp16, learnt from {sample} rows, {args.rows} a job")
    print("| job | jobs | core hours a job | core hours in all | memory a job beyond the libraries |")
    print("|---|---|---|---|---|")
    for name, count, seconds, peak in table:
        hours, said = seconds / 3600, f"{peak / 1e9:.1f} GB" if peak else "its model"
        print(f"| {name} | {count} | {hours:.2f} | {count * hours:.1f} | {said} |")
    disk = 4e-9 * args.dim * args.plan, size * args.plan / 1e9
    print(f"disk: vectors {disk[0]:.0f} GB, the shards' indexes and the merged one {disk[1]:.0f} GB each")


if __name__ == "__main__":
    main()
