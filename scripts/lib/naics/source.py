"""What every source of NAICS delivers, wherever it comes from: codes, references and business descriptions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .taxonomy import Node

ROLES = ("examples", "training", "validation", "test")
JUDGES = ("test", "validation")


class Entry(NamedTuple):
    """A short business description and the six-digit code it belongs to; `origin` names its list."""

    entry_id: int
    text: str
    code: str
    origin: str


class Reference(NamedTuple):
    """An exclusion: what `code` does not cover, and the code that covers it instead."""

    code: str
    text: str
    target: str


@dataclass(frozen=True)
class Source:
    """`kind` is folder, download or packages; `files` maps each file to its sha256 or each package to its version.

    `roles` is aligned with `entries`, or empty while the split is to be drawn.
    """

    kind: str
    said: str
    files: dict[str, str]
    nodes: list[Node]
    references: list[Reference]
    entries: list[Entry]
    roles: Sequence[str] = ()
