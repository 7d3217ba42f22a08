"""The table of NAICS codes: a forest of sectors in official order, four texts a code.

`row` is a code's position in the official order, which is a preorder: a code's descendants follow it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..errors import BadInput
from ..parquet import read_table
from . import codes as coding

CHANNELS = ("title", "description", "excluded", "examples")
SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "code": pl.String,
    "level": pl.UInt8,
    "parent": pl.String,
    "title": pl.String,
    "description": pl.String,
    "description_from": pl.String,
    "excluded": pl.List(pl.String),
    "examples": pl.List(pl.String),
}


@dataclass(frozen=True)
class Node:
    """One code as its source tells it; `description_from` names the code its description is inherited from."""

    code: str
    title: str
    description: str = ""
    description_from: str = ""
    excluded: Sequence[str] = ()
    examples: Sequence[str] = ()


@dataclass(frozen=True)
class Taxonomy:
    """All n codes in official order. `parent` holds rows, -1 above a sector; `level` is 2 to 6; both `(n,)`."""

    nodes: list[Node] = field(repr=False)
    parent: NDArray[np.int16]
    level: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.nodes)

    @cached_property
    def codes(self) -> list[str]:
        return [node.code for node in self.nodes]

    @cached_property
    def row(self) -> dict[str, int]:
        return {code: row for row, code in enumerate(self.codes)}

    def path(self, code: str) -> list[str]:
        """The codes from the sector down to `code`, both included."""
        row, path = self.row[code], []
        while row >= 0:
            path.append(self.codes[row])
            row = int(self.parent[row])
        return path[::-1]

    def children(self, row: int) -> NDArray[np.int64]:
        """Rows of the codes directly below."""
        return np.flatnonzero(self.parent == row)

    @cached_property
    def only_child(self) -> NDArray[np.bool_]:
        """`(n,)`: the parent has no other child, so that both describe the same establishments (unary)."""
        children = np.bincount(self.parent + 1, minlength=len(self) + 1)
        return (self.parent >= 0) & (children[self.parent + 1] == 1)

    @cached_property
    def twin(self) -> NDArray[np.int16]:
        """`(n,)`: the topmost row of the chain of only children a code belongs to; itself outside a chain."""
        twin = np.arange(len(self), dtype=np.int16)
        for row in np.flatnonzero(self.only_child):  # a parent comes before its children
            twin[row] = twin[self.parent[row]]
        return twin

    @cached_property
    def ancestors(self) -> NDArray[np.int16]:
        """`(n, 5)`: the row of each code's ancestor at levels 2 to 6, itself at its own level, -1 below."""
        ancestors = np.full((len(self), 5), -1, dtype=np.int16)
        for row, (parent, level) in enumerate(zip(self.parent, self.level)):
            if parent >= 0:
                ancestors[row] = ancestors[parent]
            ancestors[row, level - 2] = row
        return ancestors

    @cached_property
    def held_out(self) -> NDArray[np.bool_]:
        """`(n,)`: in a held-out family: never seen in training, scored apart."""
        return np.array([coding.in_held_out_family(code) for code in self.codes])

    def channel(self, name: str) -> list[str]:
        """One text a code, in official order; empty where the source has none."""
        values = [getattr(node, name) for node in self.nodes]
        return [value if isinstance(value, str) else "; ".join(value) for value in values]


def build(nodes: Sequence[Node], origin: str, parents: Sequence[str] | None = None) -> Taxonomy:
    """Check and order the nodes; BadInput names `origin` and the first code that is wrong.

    `parents`, aligned with `nodes` and "" above a sector, are checked; without them the digits decide.
    """
    codes = [node.code for node in nodes]
    above = dict(zip(codes, parents)) if parents else coding.parents_by_digits(codes)
    coding.check(codes, above, origin)
    for node in nodes:
        if not node.title.strip():
            raise BadInput(f"{origin}: code {node.code} has an empty title")
    ordered = sorted(nodes, key=lambda node: node.code.split("-")[0])
    row = {node.code: number for number, node in enumerate(ordered)}
    parent = np.array([row.get(above[node.code], -1) for node in ordered], dtype=np.int16)
    level = np.array([coding.level_of(node.code) for node in ordered], dtype=np.uint8)
    return Taxonomy(ordered, parent, level)


def save(taxonomy: Taxonomy, path: Path | str) -> None:
    """Write one row a code with the columns of SCHEMA; the same table gives the same bytes."""
    table = pl.DataFrame(
        {name: [getattr(node, name, None) for node in taxonomy.nodes] for name in SCHEMA}, schema=SCHEMA, strict=False
    )
    parents = ["" if row < 0 else taxonomy.codes[row] for row in taxonomy.parent]
    table.with_columns(level=pl.Series(taxonomy.level), parent=pl.Series(parents)).write_parquet(path)


def load(path: Path | str) -> Taxonomy:
    """Read and check what `save` wrote; BadInput when it is damaged, foreign or not a tree of codes."""
    table = read_table(path, list(SCHEMA))
    nodes = [Node(**row) for row in table.drop("level", "parent").to_dicts()]
    return build(nodes, str(path), table["parent"].to_list())
