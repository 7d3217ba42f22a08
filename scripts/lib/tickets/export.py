"""Tickets out of a service desk's export, whose columns a map in the configuration names.

The label of a ticket is the value of one column, the first of the map's that has enough labels: a
cluster, a problem record, else a category. Links to another ticket (duplicate of, parent) are
labels too: tickets that links join, directly or through others, have one label.
"""

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import polars as pl
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from ..cli import log
from ..errors import BadInput
from ..files import as_tuples, sha256
from ..near import normalized
from . import tables
from .source import Source, Ticket, clean

MIN_LABELS = 6  # two for each of three splits
AFTERWARDS = ("resolution", "close_notes", "close_code", "closed_", "resolved_", "work_notes", "workaround")


@dataclass(frozen=True)
class Columns:
    """What the columns of an export are called.

    text          what is known when a ticket is opened, in the order to be read
    labels        what a person or process decided, the most telling first
    duplicate_of  holds the id of another ticket; tried before `labels`
    category      coarser than a label
    date          when a ticket was opened, as 2025-12-31 ...: the first of several repeats is kept
    """

    text: tuple[str, ...]
    labels: tuple[str, ...] = ()
    id: str | None = None
    duplicate_of: str | None = None
    category: str | None = None
    date: str | None = None

    def __iter__(self) -> Iterator[str]:
        """Every column of the export that is read, once."""
        single = (self.id, self.duplicate_of, self.category, self.date)
        return iter(dict.fromkeys([*self.text, *self.labels, *(name for name in single if name)]))


def columns_of(given: dict[str, Any]) -> Columns:
    """The map as the configuration gives it; BadInput for an unknown key and for text that must not be read."""
    known = [field.name for field in fields(Columns)]
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1) or known
            raise BadInput(f"columns: unknown key {key!r}, expected {' or '.join(near)}")
    columns = Columns(**{"text": ()} | as_tuples(given))
    for name in columns.text:
        if name == columns.id:
            raise BadInput(f"columns.text: {name!r} is the ticket's number, expected what is known of its problem")
        if name.lower().startswith(AFTERWARDS):
            raise BadInput(f"columns.text: {name!r} is written later, expected what is known when a ticket is opened")
    if not columns.text or not (columns.labels or columns.duplicate_of):
        raise BadInput("columns: expected at least one column of text and one of labels or duplicate_of")
    return columns


def read(paths: Sequence[Path], columns: Columns, min_group: int, name: str, said: str) -> Source:
    """The tickets of all files together; what has no text is dropped and counted.

    BadInput names the first id that two different rows bear, and the label columns when none serves.
    """
    parts = [tables.read(path, columns) for path in paths]
    rows = pl.concat([_with_id(part, path, columns) for part, path in zip(parts, paths)])
    distinct = rows.unique(maintain_order=True)
    if len(twice := distinct.filter(pl.col("its id").is_duplicated())):
        raise BadInput(f"{paths[0]}: id {twice['its id'][0]!r} stands on two different rows, expected one row a ticket")
    if columns.date:
        distinct = distinct.sort(columns.date, "its id", nulls_last=True)
    labels = _labels(distinct, columns, min_group, paths[0])
    tickets = [_ticket(row, label, columns) for row, label in zip(distinct.iter_rows(named=True), labels)]
    told = [ticket for ticket in tickets if normalized(ticket.text)]
    if not told:
        raise BadInput(f"{paths[0]}: all {len(tickets)} texts are empty, expected words in {', '.join(columns.text)}")
    dropped = {"records": len(rows), "same_row": len(rows) - len(distinct), "empty": len(tickets) - len(told)}
    return Source(name, said, {path.name: sha256(path) for path in paths}, told, dropped)


def _with_id(table: pl.DataFrame, path: Path, columns: Columns) -> pl.DataFrame:
    """With the column "its id": the export's, or the file's name and a row number."""
    if columns.id is None:
        number = pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(7)
        return table.with_columns((pl.lit(f"{path.stem}-") + number).alias("its id"))
    if len(nameless := table.with_row_index(offset=1).filter(pl.col(columns.id).is_null())):
        raise BadInput(f"{path}: ticket {nameless['index'][0]} has no {columns.id}")
    return table.with_columns(pl.col(columns.id).alias("its id"))


def _ticket(row: dict[str, str | None], label: str | None, columns: Columns) -> Ticket:
    own = row["its id"] if columns.id else None
    text = clean([row[name] for name in columns.text], own)
    category = row[columns.category] if columns.category else None
    return Ticket(row["its id"] or "", text, text, label, label, category or "")


def _labels(table: pl.DataFrame, columns: Columns, min_group: int, path: Path) -> list[str | None]:
    """The labels of the first column with MIN_LABELS labels of `min_group` tickets or more; said on stderr."""
    tried = {}
    for name in dict.fromkeys([*([columns.duplicate_of] if columns.duplicate_of else []), *columns.labels]):
        labels = _linked(table, name) if name == columns.duplicate_of else table[name].to_list()
        sizes = Counter(label for label in labels if label is not None)
        tried[name] = sum(size >= min_group for size in sizes.values())
        if len(sizes) == 1 and sizes.total() == len(table):
            raise BadInput(f"{path}: all {len(table)} values of {name} are {labels[0]!r}, expected several labels")
        if tried[name] >= MIN_LABELS:
            found = sum(size for size in sizes.values() if size >= min_group)
            said = f"{tried[name]} values of {name} with {min_group} tickets or more, {found} of {len(table)} tickets"
            log(f"tickets: labels are the {said}")
            return labels
    said = ", ".join(f"{name} {count}" for name, count in tried.items())
    raise BadInput(f"{path}: labels with {min_group} tickets or more: {said}; expected {MIN_LABELS} in one column")


def _linked(table: pl.DataFrame, name: str) -> list[str | None]:
    """The smallest id among the tickets that links join; None for a ticket without links.

    A link may lead to a ticket outside the export: two that share it are still one problem.
    """
    links = [(own, other) for own, other in zip(table["its id"], table[name]) if other is not None and other != own]
    number = {id: at for at, id in enumerate(sorted({id for link in links for id in link}))}
    ends = [[number[own] for own, _ in links], [number[other] for _, other in links]]
    graph = csr_matrix(([1] * len(links), ends), shape=(len(number), len(number)))
    _, component = connected_components(graph, directed=False)
    smallest: dict[int, str] = {}
    for id, at in number.items():
        smallest.setdefault(int(component[at]), id)
    return [smallest[int(component[number[own]])] if own in number else None for own in table["its id"]]
