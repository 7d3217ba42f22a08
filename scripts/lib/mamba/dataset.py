"""What prepare_articles.py made: chunks of articles, in reading order, with the split of each article.

Nothing is on two sides of the split: no article and no text, two texts being the same when they have
the same set of words.
"""

import hashlib
from pathlib import Path

import polars as pl

from .. import leaks
from ..errors import BadInput
from ..near import normalized
from ..parquet import check_rows, read_table

CHUNKS, SOURCE = "chunks.parquet", "source.json"
SPLITS = ("train", "validation", "test")
SCHEMA: dict[str, type[pl.DataType]] = {
    "id": pl.String,
    "article": pl.String,
    "title": pl.String,
    "position": pl.Int32,
    "text": pl.String,
    "split": pl.String,
}


def load(folder: Path) -> pl.DataFrame:
    """The table of chunks; BadInput when it is damaged, out of order or has something on two sides."""
    table = read_table(folder / CHUNKS, list(SCHEMA))
    check(table, str(folder / CHUNKS))
    refuse_leak(table, str(folder / CHUNKS))
    return table


def check(table: pl.DataFrame, name: str) -> None:
    """BadInput names the first chunk that is not where or what it must be; for tables with or without texts."""
    if not len(table):
        raise BadInput(f"{name}: no chunks")
    begins = (pl.col("article") != pl.col("article").shift()).fill_null(value=True)
    wrongs = {
        "split {split!r}, expected one of " + ", ".join(SPLITS): ~pl.col("split").fill_null("").is_in(SPLITS),
        "stands twice": pl.col("id").is_duplicated(),
        "expected the id {article}#{position}": (
            pl.col("id").ne_missing(pl.format("{}#{}", pl.col("article"), pl.col("position")))
        ),
        "position {position}, expected each article's chunks together, numbered from 0": (
            pl.when(begins)
            .then(pl.col("position") != 0)
            .otherwise(pl.col("position") != pl.col("position").shift() + 1)
        ),
        "split {split!r}, another than the chunk before it in the same article": (
            ~begins & (pl.col("split") != pl.col("split").shift())
        ),
    }
    if "text" in table.columns:
        wrongs["empty text"] = pl.col("text").fill_null("").str.strip_chars() == ""
    check_rows(table, wrongs, name, "chunk {id!r}")


def refuse_leak(table: pl.DataFrame, name: str) -> None:
    """BadInput with the count and the first example of texts that stand in two splits."""
    leaks.refuse("texts", zip(map(normalized, table["text"]), table["split"]), name)


def split_hash(table: pl.DataFrame) -> str:
    """What names a split: sha256 over every article's id and side, in their order."""
    articles = table.filter(pl.col("position") == 0).select("article", "split").iter_rows()
    return hashlib.sha256("".join(f"{article}\t{split}\n" for article, split in articles).encode()).hexdigest()
