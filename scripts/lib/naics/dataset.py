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
from . import leaks, tables, taxonomy
from .codes import level_of
from .source import JUDGES
from .taxonomy import Taxonomy
from .texts import QUERY_CHANNEL, ChannelTexts, collect

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Dataset:
    """Taxonomy, entries (descriptions with their code and role) and where they come from."""

    taxonomy: Taxonomy
    entries: pl.DataFrame
    exclusions: pl.DataFrame
    source: dict[str, Any]

    @cached_property
    def texts(self) -> list[ChannelTexts]:
        """The channels; the examples channel also holds what may be asked: entries, and titles of six-digit codes."""
        return collect(self.taxonomy, [*self.entries["text"], *self._titles()[0]])

    def role(self, *roles: str, trained_only: bool = False) -> tuple[list[str], Rows]:
        """(texts, rows of their codes) of entries in some roles; held-out families left out if asked."""
        chosen = self.entries.filter(pl.col("role").is_in(roles))
        codes = np.array([self.taxonomy.row[code] for code in chosen["code"]], dtype=np.int64)
        keep = ~self.taxonomy.held_out[codes] if trained_only else np.ones(len(codes), dtype=bool)
        return [text for text, kept in zip(chosen["text"], keep) if kept], codes[keep]

    def known(self, trained_only: bool = False) -> tuple[list[str], Rows]:
        """(descriptions, rows of their codes) that may be learnt from and remembered: entries, and titles.

        A six-digit code's title describes its establishments as an entry does.
        """
        entries, codes = self.role("examples", "training", trained_only=trained_only)
        titles, owners = self._titles(trained_only)
        return entries + titles, np.concatenate([codes, owners])

    def _titles(self, trained_only: bool = False) -> tuple[list[str], Rows]:
        keep = (self.taxonomy.level == 6) & ~(self.taxonomy.held_out & trained_only)
        codes = np.flatnonzero(keep)
        return [self.taxonomy.nodes[row].title for row in codes], codes

    def query_rows(self, texts: list[str]) -> Rows:
        """Rows of descriptions in the examples channel."""
        return self.texts[QUERY_CHANNEL].rows(texts)


def load(folder: Path) -> Dataset:
    """Read the folder; BadInput when a file is missing, damaged, does not fit the others or leaks what judges."""
    tree = taxonomy.load(folder / tables.TAXONOMY)
    entries = tables.read_entries(folder / tables.ENTRIES, tree)
    exclusions = tables.read_exclusions(folder / tables.EXCLUSIONS, tree)
    data = Dataset(tree, entries, exclusions, files.read_json(folder / tables.SOURCE))
    _check(data, folder)
    return data


def _check(data: Dataset, folder: Path) -> None:
    """Entries are of six-digit codes, and no text that judges is read anywhere else."""
    for number, code in data.entries.select("entry_id", "code").iter_rows():
        if level_of(code) != 6:
            raise BadInput(f"{folder / tables.ENTRIES}: entry {number}: code {code}, expected six digits")
    lines = (line for text in data.taxonomy.channel("description") for line in text.split("\n"))
    leaks.refuse(data.role(*JUDGES)[0], [*lines, *data.exclusions["text"]], str(folder))
    leaks.refuse(data.role("test")[0], data.role("validation")[0], str(folder))
