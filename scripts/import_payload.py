"""Turn the original's payload (a pickled dict in a .npy) into a payload folder; nothing in the file is run.

Articles are split anew by the hash of their index: the original had split by window.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

from lib import cli, files, vectors
from lib.errors import BadInput
from lib.mamba import dataset, legacy, payload, splits
from lib.mamba.splits import Shares


def main() -> None:
    args = arguments()
    shares = cli.knobs(Shares, args)

    with tempfile.TemporaryDirectory() as scratch:
        rows, matrix = read(args.payload, Path(scratch) / "vectors.raw")
        table = as_table(rows, shares)
        dataset.check(table, str(args.payload))
        table.drop("row").write_parquet(Path(scratch) / dataset.CHUNKS)
        order = table["row"].to_numpy()
        payload.refuse_lengths(matrix, str(args.payload))

        about = {
            "source": "imported",
            "said": f"the original's payload {args.payload.name}",
            "files": {args.payload.name: files.sha256(args.payload)},
            "split": {"seed": shares.seed, "sha256": dataset.split_hash(table)},
        }
        told = {"kind": "payload", "encoder": args.encoder, "max_length": args.max_length, "dtype": "float32"}
        parts = (matrix[block] for block in np.split(order, range(vectors.BLOCK, len(order), vectors.BLOCK)))
        also = [Path(scratch) / dataset.CHUNKS]
        vectors.save_parts(args.out, parts, table["id"].to_list(), {**told, "source": about}, also)
    cli.log(f"{args.out}: {len(table)} chunks of {table['article'].n_unique()} articles")


def arguments() -> argparse.Namespace:
    parser = cli.parser(__doc__)
    parser.add_argument("--payload", type=Path, required=True, help="the original's .npy")
    parser.add_argument("--encoder", default="sentence-transformers/gtr-t5-base", help="what made its vectors")
    parser.add_argument("--max-length", type=cli.positive_int, default=512, help="tokens of a chunk it saw")
    parser.add_argument("--out", type=Path, required=True, help="folder of the payload")
    cli.add_knobs(parser, Shares)
    return parser.parse_args()


def read(path: Path, raw: Path) -> tuple[list[tuple[str, int, int, str]], np.ndarray]:
    """(id, article, chunk, text) of every entry, and their vectors in the same order on disk, `(n, d)`."""
    rows, dim = [], None
    with raw.open("wb") as stream:
        for entry in legacy.read(path):
            dim = dim or len(entry.vector)
            if len(entry.vector) != dim:
                raise BadInput(f"{path}: entry {entry.id!r} is {len(entry.vector)} wide, the first {dim}")
            rows.append((entry.id, entry.article, entry.chunk, entry.text))
            stream.write(entry.vector.tobytes())
    if dim is None:
        raise BadInput(f"{path}: no entries")
    return rows, np.memmap(raw, dtype=np.float32, mode="r", shape=(len(rows), dim))


def as_table(rows: list[tuple[str, int, int, str]], shares: Shares) -> pl.DataFrame:
    """The chunks in reading order, with the row that each had in the file."""
    order = sorted(range(len(rows)), key=lambda row: rows[row][1:3])
    told = (
        (f"{article}#{chunk}", str(article), str(article), chunk, text, splits.side(str(article), shares), row)
        for row in order
        for _, article, chunk, text in [rows[row]]
    )
    return pl.DataFrame(told, schema={**dataset.SCHEMA, "row": pl.Int64}, orient="row")


if __name__ == "__main__":
    cli.run(main)
