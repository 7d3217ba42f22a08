"""Who trains and who judges: repeats go, labels and the whole set get their size, families get their side.

Everything follows from hashes of names and a seed, so that the same tickets and seed give the same
split in whatever order they come.
"""

import bisect
import hashlib
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .. import seeds
from ..errors import BadInput
from ..near import earlier
from .dataset import SPLITS
from .source import Ticket

MIN_FAMILIES = 2  # in each split: a negative needs a second label


@dataclass(frozen=True)
class Sizes:
    """How many tickets, and which share of the families judges.

    A label with fewer than `min_group` tickets is no label. The largest labels are cut to a common size
    until at most `max_labelled` labelled tickets are left; of the others `max_unlabelled` stay, evenly from all
    families, then those of none.
    """

    min_group: int
    test_share: float
    validation_share: float
    seed: int
    max_labelled: int | None = None
    max_unlabelled: int | None = None


def without_repeats(tickets: Sequence[Ticket]) -> tuple[list[Ticket], dict[str, int]]:
    """The first of all tickets that say the same, labelled ones before others, and how many went."""
    ordered = sorted(tickets, key=lambda ticket: ticket.label is None)
    found = earlier([ticket.text for ticket in ordered])
    kept = [ticket for ticket, first in zip(ordered, found) if first is None]
    differing = sum(ordered[first].label != t.label for t, first in zip(ordered, found) if first is not None)
    return kept, {"repeats": len(tickets) - len(kept), "repeats_with_another_label": differing}


def resize(tickets: Sequence[Ticket], sizes: Sizes) -> tuple[list[Ticket], dict[str, int]]:
    """The tickets that `sizes` leaves, and how many went; which ones is drawn by lot.

    Where even `min_group` tickets of every label are too many, whole families go.
    """
    drawn = sorted(tickets, key=lambda ticket: seeds.lot(sizes.seed, "tickets size", ticket.id))
    labelled, background = _by_label(drawn, sizes.min_group)
    room = len(tickets) if sizes.max_labelled is None else sizes.max_labelled
    most = common_size([len(members) for members in labelled.values()], room, sizes.min_group)
    families: dict[str | None, list[Ticket]] = defaultdict(list)
    for members in labelled.values():
        families[members[0].family] += members[:most]
    kept: list[Ticket] = []
    for family in sorted(families, key=lambda family: seeds.lot(sizes.seed, "tickets size", str(family))):
        kept += families[family] if len(kept) + len(families[family]) <= room else []
    others = _evenly(background)[: sizes.max_unlabelled]
    dropped = {
        "beyond_max_labelled": sum(map(len, labelled.values())) - len(kept),
        "beyond_max_unlabelled": len(background) - len(others),
    }
    return [*kept, *others], dropped


def common_size(counts: Sequence[int], room: int, least: int) -> int:
    """The largest size to which larger counts can be cut so that their sum is at most `room`; never below `least`."""
    cuts = range(least, max(counts, default=least) + 1)
    fitting = bisect.bisect_right(cuts, room, key=lambda cut: sum(min(count, cut) for count in counts))
    return cuts[max(fitting - 1, 0)]


def _evenly(drawn: Sequence[Ticket]) -> list[Ticket]:
    """The first ticket of every family, then the second of all, and so on; last those of no family."""
    turns: dict[str | None, Iterator[int]] = defaultdict(itertools.count)
    return sorted(drawn, key=lambda ticket: (ticket.family is None, next(turns[ticket.family])))


def _by_label(tickets: Sequence[Ticket], min_group: int) -> tuple[dict[str, list[Ticket]], list[Ticket]]:
    """The tickets of each label that has enough, and all others, without it."""
    sizes = Counter(ticket.label for ticket in tickets)
    labelled: dict[str, list[Ticket]] = defaultdict(list)
    background = []
    for ticket in tickets:
        if ticket.label is not None and sizes[ticket.label] >= min_group:
            labelled[ticket.label].append(ticket)
        else:
            background.append(ticket._replace(label=None))
    return labelled, background


def assign(tickets: Sequence[Ticket], sizes: Sizes) -> list[str]:
    """A split for each ticket: whole families that have a label by lot, all others to train.

    BadInput when there are too few families for three sides.
    """
    families = sorted({str(ticket.family) for ticket in tickets if ticket.label is not None})
    drawn = sorted(families, key=lambda family: seeds.lot(sizes.seed, "tickets split", family))
    shares = (sizes.test_share, sizes.validation_share)
    test, validation = (max(round(share * len(families)), MIN_FAMILIES) for share in shares)
    if len(families) - test - validation < MIN_FAMILIES:
        said = f"{len(families)} labels or families with {sizes.min_group} tickets or more"
        raise BadInput(f"tickets: {said}, expected at least {MIN_FAMILIES} in each of {', '.join(SPLITS)}")
    side = dict.fromkeys(drawn[:test], "test") | dict.fromkeys(drawn[test : test + validation], "validation")
    return [side.get(str(ticket.family), "train") for ticket in tickets]


def split_hash(tickets: Sequence[Ticket], sides: Sequence[str]) -> str:
    """What names a split: sha256 over every ticket's id, label, side and text."""
    lines = sorted(f"{ticket.id}\t{ticket.label}\t{side}\t{ticket.text}\n" for ticket, side in zip(tickets, sides))
    return hashlib.sha256("".join(lines).encode()).hexdigest()
