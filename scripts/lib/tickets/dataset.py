"""What prepare_tickets.py made, as pair building, training and evaluation read it.

Nothing is on two sides of the split: no id, no label, no family of labels (all labels of one
product, say) and no text, two texts being the same when they have the same set of words.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .. import files, leaks
from ..errors import BadInput
from ..near import normalized
from ..parquet import check_rows, read_table
from .drawing import UNLABELLED

TICKETS, FOREIGN, SOURCE = "tickets.parquet", "foreign.parquet", "source.json"
SPLITS = ("train", "validation", "test")
TICKET_SCHEMA: dict[str, type[pl.DataType]] = dict.fromkeys(
    ("id", "text", "masked", "group", "family", "category", "split"), pl.String
)
FOREIGN_SCHEMA: dict[str, type[pl.DataType]] = {"text": pl.String, "group": pl.String}

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Tickets:
    """n tickets in the order of their ids, and a small foreign domain.

    ids, texts, masked, categories   n strings each; `masked` lacks the words of the ticket's own label
    groups       (n,) int64          number of each ticket's label in `group_names`, UNLABELLED for none
    group_names                      labels in alphabetic order
    families, family_names           the same of families: of all labels of one product, say
    splits       (n,) str            train, validation or test
    foreign_texts, foreign_groups    (f,) texts of another domain and the numbers of their labels
    source                           what source.json says
    """

    ids: list[str]
    texts: list[str]
    masked: list[str]
    categories: list[str]
    groups: Rows
    group_names: list[str]
    families: Rows
    family_names: list[str]
    splits: NDArray[np.str_]
    foreign_texts: list[str]
    foreign_groups: Rows
    source: dict[str, Any]

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, split: str) -> Rows:
        """Labelled tickets of a split, those that are queries and relevant to each other."""
        return np.flatnonzero((self.splits == split) & (self.groups != UNLABELLED))


def load(folder: Path) -> Tickets:
    """Read the folder; BadInput when a file is missing, damaged, says nothing or has something on two sides."""
    table = read_table(folder / TICKETS, list(TICKET_SCHEMA))
    foreign = read_table(folder / FOREIGN, list(FOREIGN_SCHEMA))
    check(table, str(folder / TICKETS))
    return Tickets(
        table["id"].to_list(),
        table["text"].to_list(),
        table["masked"].to_list(),
        table["category"].to_list(),
        *_numbers(table["group"]),
        *_numbers(table["family"]),
        np.array(table["split"].to_list(), dtype=np.str_),
        foreign["text"].to_list(),
        _numbers(foreign["group"])[0],
        files.read_json(folder / SOURCE),
    )


def check(table: pl.DataFrame, name: str) -> None:
    """BadInput naming the first ticket that is wrong, or what is on two sides of the split."""
    empty = {column: pl.col(column).fill_null("").str.strip_chars() == "" for column in ("id", "text", "masked")}
    wrongs = {f"empty {column}": wrong for column, wrong in empty.items()}
    wrongs["no category, expected one or an empty text"] = pl.col("category").is_null()
    wrongs["split {split!r}, expected one of " + ", ".join(SPLITS)] = ~pl.col("split").fill_null("").is_in(SPLITS)
    wrongs["stands twice"] = pl.col("id").is_duplicated()
    check_rows(table, wrongs, name, "ticket {id!r}")
    for split in SPLITS:
        if not len(table.filter(pl.col("group").is_not_null() & (pl.col("split") == split))):
            raise BadInput(f"{name}: no labelled ticket in {split}, expected some in each of {', '.join(SPLITS)}")
    for column, what in (("group", "groups"), ("family", "families")):
        leaks.refuse(what, zip(table[column], table["split"]), name)
    leaks.refuse("texts", zip(map(normalized, table["text"]), table["split"]), name)


def _numbers(labels: pl.Series) -> tuple[Rows, list[str]]:
    """Labels as positions in the sorted list of labels, nulls as UNLABELLED."""
    names = sorted(set(labels.drop_nulls()))
    number = {name: at for at, name in enumerate(names)} | {None: UNLABELLED}
    return np.array([number[label] for label in labels], dtype=np.int64), names
