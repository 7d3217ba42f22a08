"""Triplets a second, and the memory they take: drawn from the relations, and streamed from Parquet.

    PYTHONPATH=scripts python benchmarks/triplets.py

The stream reads every row group of a generated file once; it is compared with polars scanning all
columns of the same file. Every figure comes from a fresh process, and a speed is the best of `--repeats`.
"""

import multiprocessing
import platform
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl

from lib import cli
from lib.naics import relations, sources, tables, triplet_table
from lib.naics.curriculum import Curriculum
from lib.naics.relations import Relations
from lib.naics.triplets import ImplicitSource, TripletSource
from lib.naics.triplets_parquet import ParquetSource
from lib.provenance import environment

HARD = {1: 0.40, 2: 0.20, 3: 0.10, 4: 0.10, 5: 0.10, 6: 0.05, 8: 0.05}


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--folder", type=Path, help="with the four Census files; without it the packages serve")
    parser.add_argument(
        "--rows", type=int, nargs="+", default=[1_000_000, 50_000_000], help="rows of the Parquet files"
    )
    parser.add_argument("--triplets", type=int, default=10_000_000, help="how many to draw from the relations")
    parser.add_argument("--batch", type=int, default=1024, help="(anchor, positive) pairs a batch, 16 negatives each")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()

    source = sources.load("folder" if args.folder else "packages", args.folder)
    references = [(reference.code, reference.target) for reference in source.references]
    related = relations.relate(tables.taxonomy_of(source), references)
    curriculum = Curriculum((2, 3, 4, 5, 6), HARD, triplet_batch=args.batch)

    print(f"machine: {machine()}")
    speed, memory = alone(draw, related, curriculum, args.triplets, args.repeats)
    print(f"implicit: {speed / 1e6:.1f} M triplets/s, peak memory {memory:.0f} MB")
    for rows in args.rows:
        with tempfile.TemporaryDirectory() as folder:
            written = triplet_table.write(Path(folder), related, curriculum, rows)
            opened, streamed, memory = alone(stream, Path(folder), related, curriculum, written, args.repeats)
            scanned, _ = alone(scan, Path(folder), written, args.repeats)
        rates = f"index {opened / 1e6:.0f}, stream {streamed / 1e6:.0f}, polars raw scan {scanned / 1e6:.0f} M rows/s"
        print(f"parquet, {written / 1e6:.0f} M rows: {rates}, ratio {streamed / scanned:.2f}, peak {memory:.0f} MB")


def draw(related: Relations, curriculum: Curriculum, count: int, repeats: int) -> tuple[float, float]:
    """(triplets a second, peak MB) of the implicit source."""
    source = ImplicitSource(related, curriculum, seed=0)
    steps = count // (curriculum.triplet_batch * curriculum.k_negatives) + 1
    seconds = best(lambda: exhaust(source, steps), repeats)
    return steps * curriculum.triplet_batch * curriculum.k_negatives / seconds, peak()


def stream(
    folder: Path, related: Relations, curriculum: Curriculum, rows: int, repeats: int
) -> tuple[float, float, float]:
    """(rows a second to open, rows a second of a whole epoch, peak MB) of the Parquet source."""
    opening = best(lambda: ParquetSource(folder, related, curriculum, seed=0), repeats)
    source = ParquetSource(folder, related, curriculum, seed=0)
    steps = len(source.index.anchors) // curriculum.triplet_batch + 1
    epoch = best(lambda: exhaust(source, steps), repeats)
    return rows / opening, rows / epoch, peak()


def scan(folder: Path, rows: int, repeats: int) -> tuple[float, float]:
    """(rows a second, peak MB) of polars reading every column and keeping a maximum."""
    lazy = pl.scan_parquet(folder / "*.parquet").select(pl.all().max())
    return rows / best(lambda: lazy.collect(engine="streaming"), repeats), peak()


def exhaust(source: TripletSource, steps: int) -> None:
    for step in range(steps):
        source.batch(step)


def best(work: Callable[[], Any], repeats: int) -> float:
    """Seconds of the fastest run."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def alone(work: Callable[..., Any], *args: Any) -> Any:
    """The result of `work` in a process of its own, so that its peak memory is its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *args).result()


def peak() -> float:
    """Peak resident memory of this process in MB; getrusage would count the parent's as well."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1e3


def machine() -> str:
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = models[0].split(": ")[1] if models else platform.processor()
    about = environment()
    return f"{model}, {len(models)} cores, {about['threads']} threads, polars {pl.__version__}"


if __name__ == "__main__":
    cli.run(main)
