"""What chooses a model: MAP of validation tickets, and how much of a foreign domain it has forgotten.

Adapters that learn from masked texts unlearn the names that stand in whole ones. So both tellings of
a ticket are validated, and the weights go back towards the base as long as their mean MAP gains by it, and as far
as the foreign domain needs it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import adapters, seeds
from ..cli import log
from ..errors import BrokenModel
from . import frozen, retrieval
from .dataset import Tickets
from .drawing import UNLABELLED
from .frozen import Frozen
from .model import TicketEncoder

Rows = NDArray[np.int64]
Score = Callable[[], float]  # MAP of an encoder as it stands
Weighed = dict[str, float]  # a share of the adapters, validation's MAP and the foreign domain's
SHARES = (1.0, 0.7, 0.4, 0.2)


@dataclass(frozen=True)
class Probe:
    """Limits of validation: tickets to validate on, and how far MAP on the foreign domain may fall."""

    validation_tickets: int
    max_forgetting: float


@dataclass(frozen=True)
class Retrieval:
    """Texts to search, each way of telling for itself; `groups` are the labels of n texts, the same in every one.

    Calling it gives MAP at full width of those that have a label, the mean over the tellings.
    """

    tellings: list[Frozen]
    groups: Rows

    def __call__(self) -> float:
        queries = retrieval.askable(self.groups)
        found = [retrieval.retrieve(retrieval.by_cosine(told.encode()), self.groups, queries) for told in self.tellings]
        return float(np.mean([of.average_precision.mean() for of in found]))


def of_tickets(encoder: TicketEncoder, tokenizer, tickets: Tickets, limit: int, seed: int) -> Retrieval:
    """About `limit` tickets, masked and whole: half of them validation's, evenly by label, the others distractors."""
    rng = seeds.generator(seed, "validation tickets")
    own = _evenly(rng.permutation(tickets.rows("validation")), tickets.groups, limit // 2)
    others = rng.permutation(np.flatnonzero(tickets.splits == "train"))[: limit - len(own)]
    rows = np.concatenate([own, others])
    groups = np.concatenate([tickets.groups[own], np.full(len(others), UNLABELLED)])
    masked, whole = ([texts[row] for row in rows] for texts in (tickets.masked, tickets.texts))
    tellings = [masked] if masked == whole else [masked, whole]
    return Retrieval([frozen.freeze(encoder, tokenizer, told) for told in tellings], groups)


def _evenly(rows: Rows, groups: Rows, limit: int) -> Rows:
    """The first few rows of every label, at most `limit` but two of each."""
    order = np.argsort(groups[rows], kind="stable")
    _, first, counts = np.unique(groups[rows][order], return_index=True, return_counts=True)
    place = np.empty(len(rows), dtype=np.int64)  # 0 for the first row of its label, 1 for the second
    place[order] = np.arange(len(rows)) - np.repeat(first, counts)
    most = max([2, *(cap for cap in range(2, counts.max() + 1) if np.minimum(counts, cap).sum() <= limit)])
    return rows[place < most]


def of_foreign(encoder: TicketEncoder, tokenizer, tickets: Tickets) -> Retrieval:
    return Retrieval([frozen.freeze(encoder, tokenizer, tickets.foreign_texts)], tickets.foreign_groups)


def settle(
    encoder: TicketEncoder, learn_head: Callable[[], None], validation: Score, foreign: Score, floor: float
) -> dict[str, Any]:
    """Set how much of the adapters stays and the head of just that, and return the figures that decided it.

    BrokenModel when even the smallest share leaves less than `floor` MAP of the foreign domain.
    """
    heads = {}

    def weigh(weight: float) -> Weighed:
        adapters.set_weight(encoder, weight)
        learn_head()
        heads[weight] = encoder.head
        return {"weight": weight, "validation_map": validation(), "foreign_map": foreign()}

    found = [weigh(0.0), *_downwards(weigh, floor)]
    kept = [row for row in found[1:] if row["foreign_map"] >= floor]
    if not kept:
        raise BrokenModel(f"every share of what was learnt leaves less than {floor:.4f} MAP of the foreign domain")
    best = max(kept, key=lambda row: row["validation_map"])
    for row in (found[0], best):
        figures = f"validation {row['validation_map']:.4f}, foreign {row['foreign_map']:.4f}"
        log(f"tickets: MAP at weight {row['weight']} of the adapters: {figures}")
    adapters.set_weight(encoder, best["weight"])
    encoder.head = heads[best["weight"]]
    return {"weight": best["weight"], "weighed": found}


def _downwards(weigh: Callable[[float], Weighed], floor: float) -> list[Weighed]:
    """The shares from all of the adapters on, until one keeps the foreign domain and validation gains no more by it."""
    found, best = [], -np.inf
    for share in SHARES:
        found.append(row := weigh(share))
        if row["foreign_map"] >= floor:
            if row["validation_map"] <= best:
                break
            best = row["validation_map"]
    return found
