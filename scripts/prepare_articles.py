"""Read articles from a source, cut them into chunks, split them by article, and write their table.

Writes a folder: chunks.parquet (a row a chunk: id, article, title, position, text, split) and source.json
(where it all came from, what was left out and why, the hash of the split). The same source and
flags give the same bytes.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from lib import cli, files
from lib.mamba import articles, dataset, splits
from lib.mamba.chunking import Chunking
from lib.mamba.splits import Chunked, Shares, Sizes

ROW_GROUP = 16384  # rows that a shard reads at once


def main() -> None:
    args = arguments()
    shape, sizes, shares = (cli.knobs(kind, args) for kind in (Chunking, Sizes, Shares))

    source = articles.load(args.source, args.path, args.folder)
    cli.log(f"mamba source: {source.said}")

    drawn, gone = splits.draw(source.articles, shape, sizes, shares.seed)
    kept, repeats = splits.without_repeats(drawn, sizes, shares)
    splits.refuse(kept, shares)

    table = as_table(kept, shares)
    about = {
        "source": source.name,
        "said": source.said,
        "files": source.files,
        "dropped": gone | repeats,
        "counts": counts(table),
        "split": {"seed": shares.seed, "sha256": dataset.split_hash(table)},
    }
    dataset.check(table, str(args.out / dataset.CHUNKS))
    dataset.refuse_leak(table, str(args.out / dataset.CHUNKS))
    with files.writing(args.out) as folder:
        folder.mkdir()
        table.write_parquet(folder / dataset.CHUNKS, row_group_size=ROW_GROUP)
        files.write_json(folder / dataset.SOURCE, about)
    cli.log(f"mamba: {about['counts']}, left out {about['dropped']}")


def arguments() -> argparse.Namespace:
    parser = cli.parser(__doc__)
    parser.add_argument("--source", choices=articles.KINDS, default="packages", help="which articles")
    parser.add_argument("--path", help="of source jsonl, folder or hub: a file, a folder, owner/name/subset@revision")
    parser.add_argument("--folder", type=Path, help=f"with {articles.WIKIPEDIA}, for source wikipedia")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write")
    cli.add_knobs(parser, Chunking, Sizes, Shares)
    return parser.parse_args()


def as_table(kept: Sequence[Chunked], shares: Shares) -> pl.DataFrame:
    """A row a chunk, in reading order, with the side of its article."""
    rows = (
        (f"{article.id}#{position}", article.id, article.title, position, text, splits.side(article.id, shares))
        for article in kept
        for position, text in enumerate(article.chunks)
    )
    return pl.DataFrame(rows, schema=dataset.SCHEMA, orient="row")


def counts(table: pl.DataFrame) -> dict[str, dict[str, int]]:
    """Articles and chunks of each split."""
    sides = {split: table.filter(pl.col("split") == split) for split in dataset.SPLITS}
    return {split: {"articles": part["article"].n_unique(), "chunks": len(part)} for split, part in sides.items()}


if __name__ == "__main__":
    cli.run(main)
