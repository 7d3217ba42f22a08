"""Exports of a service desk as rows of text: CSV with any usual separator, or Parquet. Read strictly."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from ..errors import BadInput
from ..files import read_text
from ..parquet import read_table, select

SEPARATORS = ",;\t|"
NULLS = ("", "null", "none", "nan", "n/a", "(empty)")


def read(path: Path, columns: Iterable[str]) -> pl.DataFrame:
    """The named columns as text, blanks at the ends cut, null where the cell is empty or says NULL.

    BadInput when the file is missing, damaged, not UTF-8 or lacks a column.
    """
    if path.suffix == ".parquet":
        table = _as_text(read_table(path, columns), path)
    else:
        table = select(_csv(path), columns, path)
    text = pl.all().str.strip_chars()
    return table.select(pl.when(text.str.to_lowercase().is_in(NULLS)).then(None).otherwise(text).name.keep())


def _as_text(table: pl.DataFrame, path: Path) -> pl.DataFrame:
    try:
        return table.with_columns(pl.all().cast(pl.String))
    except pl.exceptions.PolarsError as error:
        raise BadInput(f"{path}: a column is not text ({str(error).splitlines()[0]})") from None


def _csv(path: Path) -> pl.DataFrame:
    text = read_text(path).removeprefix("\ufeff")
    header = text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(SEPARATORS, key=header.count), strict=True)
    rows: list[list[str]] = []
    try:
        for row in reader:
            if row and rows and len(row) != len(rows[0]):
                said = f"{len(row)} cells, expected {len(rows[0])} as in the header"
                raise BadInput(f"{path}: line {reader.line_num}: {said}")
            rows += [row] if row else []
    except csv.Error as error:
        raise BadInput(f"{path}: line {reader.line_num}: {error}, expected CSV") from None
    if len(rows) < 2:
        raise BadInput(f"{path}: no rows, expected a header and tickets")
    names = [name.strip() for name in rows[0]]
    if twice := {name for name in names if names.count(name) > 1}:
        raise BadInput(f"{path}: column {min(twice)!r} stands twice in the header")
    return pl.DataFrame(rows[1:], schema=dict.fromkeys(names, pl.String), orient="row")
