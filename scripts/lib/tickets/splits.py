"""Who trains and who judges: repeats go, labels and the whole set get their size, families get their side.

Everything follows from hashes of names and a seed, so that the same tickets and seed give the same
split in whatever order they come.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import BadInput
from ..near import earlier
from .dataset import SPLITS
from .source import Ticket

MIN_FAMILIES = 2  # in each split: a negative needs a second label


@dataclass(frozen=True)
class Sizes:
    """How many tickets, and which share of the families judges.

    A label with fewer than `min_group` tickets is no label; one with more than `max_group` keeps that many.
    """

    min_group: int
    test_share: float
    validation_share: float
    seed: int
    max_group: int | None = None
    max_tickets: int | None = None


def lot(seed: int, purpose: str, name: str) -> str:
    """A name's place in a draw: names sorted by it are in random order."""
    return hashlib.sha256(f"{seed}:tickets {purpose}:{name}".encode()).hexdigest()


def without_repeats(tickets: Sequence[Ticket]) -> tuple[list[Ticket], dict[str, int]]:
    """The first of all tickets that say the same, and how many went; labels of repeats may differ."""
    found = earlier([ticket.text for ticket in tickets])
    kept = [ticket for ticket, first in zip(tickets, found) if first is None]
    differing = sum(tickets[first].label != t.label for t, first in zip(tickets, found) if first is not None)
    return kept, {"repeats": len(tickets) - len(kept), "repeats_with_another_label": differing}


def resize(tickets: Sequence[Ticket], sizes: Sizes) -> tuple[list[Ticket], dict[str, int]]:
    """Labels that are too small become None, those too large lose tickets, and the rest is cut to `max_tickets`.

    Which tickets stay is drawn by lot; unlabelled ones go before labelled ones, and those by whole families.
    """
    drawn = sorted(tickets, key=lambda ticket: lot(sizes.seed, "size", ticket.id))
    labelled, background = _by_label(drawn, sizes.min_group)
    families: dict[str | None, list[Ticket]] = defaultdict(list)
    for members in labelled.values():
        families[members[0].family] += members[: sizes.max_group]
    capped = sum(map(len, families.values()))
    room = len(tickets) if sizes.max_tickets is None else sizes.max_tickets
    kept: list[Ticket] = []
    for family in sorted(families, key=lambda family: lot(sizes.seed, "size", str(family))):
        kept += families[family] if len(kept) + len(families[family]) <= room else []
    chosen = [*kept, *background[: room - len(kept)]]
    dropped = {
        "beyond_max_group": sum(map(len, labelled.values())) - capped,
        "beyond_max_tickets": capped + len(background) - len(chosen),
    }
    return chosen, dropped


def _by_label(tickets: Sequence[Ticket], min_group: int) -> tuple[dict[str, list[Ticket]], list[Ticket]]:
    """The tickets of each label that has enough, and all others, without a label."""
    sizes = Counter(ticket.label for ticket in tickets)
    labelled: dict[str, list[Ticket]] = defaultdict(list)
    background = []
    for ticket in tickets:
        if ticket.label is not None and sizes[ticket.label] >= min_group:
            labelled[ticket.label].append(ticket)
        else:
            background.append(ticket._replace(label=None, family=None))
    return labelled, background


def assign(tickets: Sequence[Ticket], sizes: Sizes) -> list[str]:
    """A split for each ticket: whole families by lot, unlabelled tickets to train.

    BadInput when there are too few families for three sides.
    """
    families = sorted({ticket.family for ticket in tickets if ticket.family is not None})
    drawn = sorted(families, key=lambda family: lot(sizes.seed, "split", family))
    test, validation = (round(share * len(families)) for share in (sizes.test_share, sizes.validation_share))
    if min(test, validation, len(families) - test - validation) < MIN_FAMILIES:
        said = f"{len(families)} labels or families, of which {validation} validate and {test} test"
        raise BadInput(f"tickets: {said}; expected at least {MIN_FAMILIES} in each of {', '.join(SPLITS)}")
    side = dict.fromkeys(drawn[:test], "test") | dict.fromkeys(drawn[test : test + validation], "validation")
    return [side.get(str(ticket.family), "train") for ticket in tickets]


def split_hash(tickets: Sequence[Ticket], sides: Sequence[str]) -> str:
    """What names a split: sha256 over every ticket's id, label, side and text."""
    lines = sorted(f"{ticket.id}\t{ticket.label}\t{side}\t{ticket.text}\n" for ticket, side in zip(tickets, sides))
    return hashlib.sha256("".join(lines).encode()).hexdigest()
