"""Tables on disk, read strictly."""

import difflib
import io
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from .errors import BadInput
from .files import read_text


def read_table(path: Path | str, columns: Iterable[str], optional: Iterable[str] = ()) -> pl.DataFrame:
    """The named columns of a Parquet file, and those of `optional` that it has.

    BadInput when the file is missing, damaged or lacks a column.
    """
    if not Path(path).is_file():
        raise BadInput(f"{path}: no such file")
    try:
        table = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise BadInput(f"{path}: damaged or not Parquet ({str(error).splitlines()[0]})") from None
    return select(table, [*columns, *(name for name in optional if name in table.columns)], path)


def read_csv(path: Path | str, columns: Iterable[str], optional: Iterable[str] = ()) -> pl.DataFrame:
    """As read_table of a CSV file; everything is text, null where a cell is empty."""
    try:
        table = pl.read_csv(io.BytesIO(read_text(path).encode()), infer_schema=False, encoding="utf8")
    except pl.exceptions.PolarsError as error:
        raise BadInput(f"{path}: damaged or not CSV ({str(error).splitlines()[0]})") from None
    return select(table, [*columns, *(name for name in optional if name in table.columns)], path)


def select(table: pl.DataFrame, columns: Iterable[str], path: Path | str) -> pl.DataFrame:
    """The named columns; BadInput names the first that the table of `path` lacks, and what may be meant."""
    wanted = list(dict.fromkeys(columns))
    for column in wanted:
        if column not in table.columns:
            near = difflib.get_close_matches(column, table.columns, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"expected one of: {', '.join(table.columns)}"
            raise BadInput(f"{path}: missing column {column!r}, {hint}")
    return table.select(wanted)
