"""Tables on disk, read strictly."""

from pathlib import Path

import polars as pl

from .errors import BadInput


def read_table(path: Path | str, columns: list[str]) -> pl.DataFrame:
    """The named columns of a Parquet file; BadInput when it is missing, damaged or lacks one."""
    if not Path(path).is_file():
        raise BadInput(f"{path}: no such file")
    try:
        table = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise BadInput(f"{path}: damaged or not Parquet ({str(error).splitlines()[0]})") from None
    for column in columns:
        if column not in table.columns:
            raise BadInput(f"{path}: missing column {column!r}")
    return table.select(columns)
