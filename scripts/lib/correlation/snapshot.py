"""A database's correlations as they were in one transaction: a Parquet file and the hash that keeps it as it is."""

from pathlib import Path
from typing import Any

import polars as pl

from .. import files, vectors
from ..parquet import read_table

TABLE = "correlations.parquet"
TOLD = (
    "contract_a_title",
    "contract_b_title",
    "underlying_event_correlation",
    "correlation_reasoning",
    "analysis_confidence",
)
SCHEMA: dict[str, type[pl.DataType]] = {
    **dict.fromkeys(TOLD, pl.String),
    "underlying_event_correlation": pl.Float64,
    "analysis_confidence": pl.Float64,
    "correlation_type": pl.String,
    "created_at": pl.String,
}


def save(folder: Path, table: pl.DataFrame, about: dict[str, Any]) -> None:
    """Write rows of SCHEMA, the latest first, with what they are."""
    with files.writing(folder) as temporary:
        temporary.mkdir()
        table.write_parquet(temporary / TABLE)
        vectors.write_manifest(temporary, (TABLE,), {**about, "rows": len(table)})


def load(folder: Path) -> tuple[pl.DataFrame, dict[str, Any]]:
    """The rows and the manifest; BadInput when the file is not the one that was exported."""
    about = vectors.read_manifest(folder, (TABLE,))
    return read_table(folder / TABLE, SCHEMA), about
