"""Tables on disk, read strictly."""

import difflib
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from .errors import BadInput


def read_table(path: Path | str, columns: Iterable[str]) -> pl.DataFrame:
    """The named columns of a Parquet file; BadInput when it is missing, damaged or lacks one."""
    if not Path(path).is_file():
        raise BadInput(f"{path}: no such file")
    try:
        table = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise BadInput(f"{path}: damaged or not Parquet ({str(error).splitlines()[0]})") from None
    return select(table, columns, path)


def select(table: pl.DataFrame, columns: Iterable[str], path: Path | str) -> pl.DataFrame:
    """The named columns; BadInput names the first that the table of `path` lacks, and what may be meant."""
    wanted = list(dict.fromkeys(columns))
    for column in wanted:
        if column not in table.columns:
            near = difflib.get_close_matches(column, table.columns, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"expected one of: {', '.join(table.columns)}"
            raise BadInput(f"{path}: missing column {column!r}, {hint}")
    return table.select(wanted)
