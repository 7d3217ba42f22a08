"""What any model sees of pairs: their titles, the facts in them, and the nearest pairs that are known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import facts
from .rag import SemanticRAG

Ids = Sequence[str] | None
Neighbours = Sequence[Sequence[Mapping[str, Any]]]  # of n pairs, nearest first


@dataclass(frozen=True)
class Evidence:
    """n pairs; `neighbours` holds training pairs with a_title, b_title, correlation and distance, nearest first."""

    a_titles: Sequence[str]
    b_titles: Sequence[str]
    facts: Sequence[Mapping[str, float]]
    neighbours: Neighbours

    def __len__(self) -> int:
        return len(self.a_titles)

    def both_orders(self) -> "Evidence":
        """2n pairs: these, and these with A and B exchanged. Facts and neighbours are the same for both."""
        return Evidence(
            [*self.a_titles, *self.b_titles],
            [*self.b_titles, *self.a_titles],
            [*self.facts, *self.facts],
            [*self.neighbours, *self.neighbours],
        )


def gather(
    rag: SemanticRAG, k: int, a_titles: Sequence[str], b_titles: Sequence[str], a_ids: Ids = None, b_ids: Ids = None
) -> Evidence:
    """The evidence of n pairs, the same way in training, evaluation and serving.

    Known pairs that share a contract with the pair, by id or by title, are not consulted.
    """
    told = [facts.facts(a, b) for a, b in zip(a_titles, b_titles, strict=True)]
    return Evidence(a_titles, b_titles, told, rag.neighbours(a_titles, b_titles, k, a_ids, b_ids))
