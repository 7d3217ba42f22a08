"""What every source of tickets delivers, wherever it comes from, and how its texts are cleaned."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

# A number that names one ticket says nothing about its problem, but would let a model match by it.
IDENTIFIER = re.compile(
    r"\b(?:CVE-\d{4}-\d*|GHSA(?:-\w{4})+|AVID-\d{4}-[RV]\d+|(?:INC|PRB|CHG|REQ|RITM|SCTASK|TASK)\d{5,})",
    re.IGNORECASE,
)


class Ticket(NamedTuple):
    """A ticket as its source tells it.

    `label` is what a person or process decided, None where nobody did; tickets of one `family` stay on one
    side of the split, whatever their labels and where they have none; `masked` is the text without its
    label's own words.
    """

    id: str
    text: str
    masked: str
    label: str | None
    family: str | None
    category: str


@dataclass(frozen=True)
class Source:
    """`name` is short and goes into metrics and bars; `dropped` counts what was left out, by reason."""

    name: str
    said: str
    files: dict[str, str]
    tickets: list[Ticket]
    dropped: dict[str, int]


def clean(parts: Iterable[str | None], own_id: str | None = None) -> str:
    """The parts of a ticket's text as one line without ticket numbers; a part that the next one begins with goes."""
    kept: list[str] = []
    for part in parts:
        part = IDENTIFIER.sub(" ", (part or "").replace(own_id, " ") if own_id else (part or ""))
        part = " ".join(part.replace("( )", " ").split()).strip(" :-")
        if kept and part.lower().startswith(kept[-1].lower().rstrip(".")):
            kept.pop()
        if part:
            kept.append(part)
    return ". ".join(part.rstrip(".") if at < len(kept) - 1 else part for at, part in enumerate(kept))
