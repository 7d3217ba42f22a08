"""The one text that a language model reads about a pair, in training, evaluation and serving alike.

PREFIX                             the same for every pair, so that its states are computed once
known neighbours, facts            what retrieval and the titles say, the nearest neighbour last
titles of A and B
OPENING                            the answer begins with the number
"""

from collections.abc import Mapping, Sequence
from typing import Any

from .evidence import Evidence

PREFIX = (
    "Two prediction-market contracts follow. Estimate how their chances move together: a score from "
    "opposite over unrelated (middle) to together, then the reasons.\n"
)
OPENING = '\n{"underlying_correlation": "'
AFTER = '", "reasoning": "'


def prompts(evidence: Evidence, written: Sequence[str]) -> list[str]:
    """What follows PREFIX for each of n pairs."""
    told = zip(evidence.a_titles, evidence.b_titles, evidence.facts, evidence.neighbours)
    return [build(*pair, written) for pair in told]


def build(
    a_title: str,
    b_title: str,
    facts: Mapping[str, float],
    neighbours: Sequence[Mapping[str, Any]],
    written: Sequence[str],
) -> str:
    """What follows PREFIX, up to where the number begins.

    `neighbours` are training pairs, nearest first, with a_title, b_title and correlation; `written` are the
    texts of all scores (`Numbers.texts()`), so that known numbers look like the one that is asked for.
    """
    told = [
        f"Known: {n['a_title']} / {n['b_title']}: {_score(n['correlation'], written)}" for n in reversed(neighbours)
    ]
    stated = ", ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in facts.items() if value)
    lines = [*told, f"Facts: {stated or 'none'}", f"A: {a_title}", f"B: {b_title}"]
    return "\n".join(lines) + OPENING


def rest(reasoning: str) -> str:
    """What training teaches after the number, up to the quote that closes the answer's last string."""
    return AFTER + plain(reasoning)


def plain(text: str) -> str:
    """The text without what would need an escape in a JSON string: the grammar has none."""
    return " ".join(text.replace('"', "'").replace("\\", "/").split())


def _score(correlation: float, written: Sequence[str]) -> str:
    return written[round((correlation + 1) / 2 * (len(written) - 1))]
