"""What prepare_naics.py made, as training and evaluation read it."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .. import files
from ..errors import BadInput
from . import taxonomy as taxonomy_file
from .taxonomy import CHANNELS, Taxonomy
from .texts import QUERY_CHANNEL, ChannelTexts, collect

__all__ = ["CHANNELS", "Dataset", "load"]

Rows = NDArray[np.int64]
ENTRY_COLUMNS = ("text", "code", "role")


@dataclass(frozen=True)
class Dataset:
    """Taxonomy, entries (descriptions with their code and role) and where they come from."""

    taxonomy: Taxonomy
    entries: pl.DataFrame
    exclusions: pl.DataFrame
    source: dict[str, Any]

    @cached_property
    def texts(self) -> list[ChannelTexts]:
        """The channels; the examples channel also holds every entry as a query."""
        return collect(self.taxonomy, self.entries["text"].to_list())

    def role(self, *roles: str, trained_only: bool = False) -> tuple[list[str], Rows]:
        """(texts, rows of their codes) of entries in some roles; held-out families left out if asked."""
        chosen = self.entries.filter(pl.col("role").is_in(roles))
        codes = np.array([self.taxonomy.row[code] for code in chosen["code"]], dtype=np.int64)
        keep = ~self.taxonomy.held_out[codes] if trained_only else np.ones(len(codes), dtype=bool)
        return [text for text, kept in zip(chosen["text"], keep) if kept], codes[keep]

    def query_rows(self, texts: list[str]) -> Rows:
        """Rows of descriptions in the examples channel."""
        return self.texts[QUERY_CHANNEL].rows(texts)


def load(folder: Path) -> Dataset:
    """Read the folder; BadInput when a file is missing, damaged or does not fit the others."""
    taxonomy = taxonomy_file.load(folder / "taxonomy.parquet")
    entries = _table(folder / "entries.parquet", ENTRY_COLUMNS)
    unknown = sorted(set(entries["code"]) - set(taxonomy.codes))
    if unknown:
        raise BadInput(f"{folder / 'entries.parquet'}: code {unknown[0]} is not in the taxonomy")
    exclusions = _table(folder / "exclusions.parquet", ("code", "text", "target"))
    return Dataset(taxonomy, entries, exclusions, files.read_json(folder / "source.json"))


def _table(path: Path, columns: tuple[str, ...]) -> pl.DataFrame:
    files.sha256(path)  # names the missing file
    try:
        table = pl.read_parquet(path)
    except pl.exceptions.PolarsError as error:
        raise BadInput(f"{path}: damaged or not Parquet ({str(error).splitlines()[0]})") from None
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise BadInput(f"{path}: missing column {missing[0]!r}")
    return table
