"""Tables on disk, read strictly."""

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl

from .errors import BadInput


def read_table(path: Path | str, columns: Iterable[str], rows: slice | None = None) -> pl.DataFrame:
    """The named columns of a Parquet file, or of some of its rows; BadInput when it is missing, damaged or lacks one.

    What is not asked for is not read.
    """
    if not Path(path).is_file():
        raise BadInput(f"{path}: no such file")
    try:
        wanted, table = list(dict.fromkeys(columns)), pl.scan_parquet(path)
        known = table.collect_schema().names()
        if rows is not None:
            table = table.slice(rows.start, rows.stop - rows.start)
        read = table.select(name for name in wanted if name in known).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise BadInput(f"{path}: damaged or not Parquet ({str(error).splitlines()[0]})") from None
    return select(read, wanted, path, known)


def select(
    table: pl.DataFrame, columns: Iterable[str], path: Path | str, known: Sequence[str] | None = None
) -> pl.DataFrame:
    """The named columns; BadInput names the first that the table of `path` lacks, and what of `known` may be meant."""
    wanted, known = list(dict.fromkeys(columns)), known or table.columns
    for column in wanted:
        if column not in table.columns:
            near = difflib.get_close_matches(column, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"expected one of: {', '.join(known)}"
            raise BadInput(f"{path}: missing column {column!r}, {hint}")
    return table.select(wanted)
