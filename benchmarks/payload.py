"""Putting a payload of a million chunks together: seconds, and memory beyond the files that the kernel maps.

    PYTHONPATH=scripts python benchmarks/payload.py --n 1000000 --dim 384

Synthetic unit vectors are written as shards, as embed_articles.py would, then merged by the code of
merge_payload.py. The peak of anonymous memory is held against the bytes of the matrix: the ratio says whether
a payload must fit into memory.
"""

import argparse
import shutil
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import polars as pl

from lib import files, seeds, vectors
from lib.mamba import dataset, merging
from lib.provenance import environment

LENGTH = 50  # chunks of an article


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=1_000_000, help="chunks")
    parser.add_argument("--dim", type=int, default=384, help="of a vector")
    parser.add_argument("--shards", type=int, default=20, help="jobs that would have encoded them")
    args = parser.parse_args()

    folder = Path(tempfile.mkdtemp())
    try:
        ids = write_data(folder / "data", args.n)
        shards = [write_shard(folder, ids, number, args) for number in range(args.shards)]
        before, started = anonymous(), time.process_time()
        with Watch() as watch:
            merging.merge(shards, folder / "data", folder / "payload")
        took, size = time.process_time() - started, (folder / "payload" / "vectors.npy").stat().st_size
    finally:
        shutil.rmtree(folder)
    print(environment())
    print(f"{args.n} chunks x {args.dim} from {args.shards} shards: {took:.0f} CPU s, {size / took / 1e6:.0f} MB/s")
    beyond = watch.peak - before
    print(f"matrix {size / 1e6:.0f} MB, peak beyond the start {beyond / 1e6:.0f} MB, ratio {beyond / size:.2f}")


def write_data(folder: Path, n: int) -> list[str]:
    """Tables as prepare_articles.py writes them, and the chunks' ids."""
    folder.mkdir()
    numbers = pl.int_range(n, eager=True)
    table = pl.DataFrame({"number": numbers // LENGTH, "position": (numbers % LENGTH).cast(pl.Int32)}).select(
        id=pl.format("{}#{}", pl.col("number").cast(pl.String).str.zfill(8), pl.col("position")),
        article=pl.col("number").cast(pl.String).str.zfill(8),
        title=pl.format("Title {}", pl.col("number")),
        position="position",
        text=pl.format("Chunk {} of article {} " + "with sixty words " * 20, pl.col("position"), pl.col("number")),
        split=pl.lit("train"),
    )
    table.write_parquet(folder / dataset.CHUNKS, row_group_size=16384)
    files.write_json(folder / dataset.SOURCE, {"source": "synthetic", "split": {"sha256": dataset.split_hash(table)}})
    return table["id"].to_list()


def write_shard(folder: Path, ids: list[str], number: int, args: argparse.Namespace) -> Path:
    start, stop = (at * args.n // args.shards for at in (number, number + 1))
    rng = seeds.generator(1, "payload", number)

    def blocks():
        for at in range(start, stop, 4096):
            found = rng.standard_normal((min(4096, stop - at), args.dim), dtype=np.float32)
            yield found / np.linalg.norm(found, axis=1, keepdims=True)

    path = folder / f"{number}-of-{args.shards}"
    vectors.save_parts(path, blocks(), ids[start:stop], {"encoder": "synthetic", "dtype": "float32"})
    return path


class Watch(threading.Thread):
    """The largest anonymous memory of this process while the block runs, looked at every 20 ms."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak, self.done = 0, threading.Event()

    def run(self) -> None:
        while not self.done.wait(0.02):
            self.peak = max(self.peak, anonymous())

    def __enter__(self) -> "Watch":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.join()


def anonymous() -> int:
    """Bytes of memory that belong to this process alone, without mapped files, which the kernel may drop."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main()
