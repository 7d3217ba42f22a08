"""Tables on disk, read strictly."""

import difflib
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import polars as pl

from .errors import BadInput
from .files import read_text


def read_table(
    path: Path | str, columns: Iterable[str], optional: Iterable[str] = (), rows: slice | None = None
) -> pl.DataFrame:
    """The named columns of a Parquet file and those of `optional` that it has, or some of its rows.

    What is not asked for is not read. BadInput when the file is missing, damaged or lacks a column.
    """
    if not Path(path).is_file():
        raise BadInput(f"{path}: no such file")
    try:
        table = pl.scan_parquet(path)
        known = table.collect_schema().names()
        if rows is not None:
            table = table.slice(rows.start, rows.stop - rows.start)
        wanted = list(dict.fromkeys([*columns, *(name for name in optional if name in known)]))
        read = table.select(name for name in wanted if name in known).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise BadInput(f"{path}: damaged or not Parquet ({str(error).splitlines()[0]})") from None
    return select(read, wanted, path, known)


def read_csv(path: Path | str, columns: Iterable[str], optional: Iterable[str] = ()) -> pl.DataFrame:
    """As read_table of a CSV file; everything is text, null where a cell is empty."""
    try:
        table = pl.read_csv(io.BytesIO(read_text(path).encode()), infer_schema=False, encoding="utf8")
    except pl.exceptions.PolarsError as error:
        raise BadInput(f"{path}: damaged or not CSV ({str(error).splitlines()[0]})") from None
    return select(table, [*columns, *(name for name in optional if name in table.columns)], path)


def check_rows(table: pl.DataFrame, wrongs: Mapping[str, pl.Expr], path: Path | str, row: str) -> None:
    """BadInput for the first row of which one of `wrongs` (what is wrong: when) is true.

    `row`, which says which one it is, and what is wrong are templates of the row's columns: `chunk {id!r}`.
    """
    for what, wrong in wrongs.items():
        if len(bad := table.filter(wrong)):
            first = bad.row(0, named=True)
            raise BadInput(f"{path}: {row.format(**first)}: {what.format(**first)}")


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
