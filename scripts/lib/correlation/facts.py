"""Lexical facts about two contract titles: what boosting learns from and the model is told.

Every fact is symmetric in the two titles and between 0 and 1. Two titles that differ in one place only have a
slot there: of a subject (subject_slot: rivals, say), of numbers or dates (number_slot: thresholds, say), or of
anything else (object_slot). Outcomes of one question differ in its subject or in a number.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..near import trigrams

FACTS = (
    "shared_words",
    "shared_trigrams",
    "shared_names",
    "shared_numbers",
    "both_have_numbers",
    "same_year",
    "other_year",
    "same_month",
    "same_start",
    "same_end",
    "same_subject",
    "subject_slot",
    "object_slot",
    "number_slot",
    "opposed",
)

TOKEN = re.compile(r"\d[\d,.]*\d|[^\W_]+(?:['\u2019-][^\W_]+)*")
YEAR = re.compile(r"(?:19|20)\d\d")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


LITTLE = _set(
    "a an and as at be by do does did for from has have his in is it its more next of on or than that the their they "
    "this to was were who will with"
)
MONTHS = _set(
    "january february march april may june july august september october november december "
    "jan feb mar apr jun jul aug sep sept oct nov dec"
)
# A pair is opposed where one title has words of the first set only and the other of the second only.
OPPOSITES = (
    (_set("republican republicans gop"), _set("democrat democrats democratic")),
    (_set("above over exceed exceeds greater higher more"), _set("below under less lower fewer")),
    (
        _set("increase increases raise raises hike hikes rise rises reach reaches gain gains up"),
        _set("decrease decreases cut cuts fall falls dip dips drop drops lose loses down"),
    ),
    (_set("win wins"), _set("lose loses")),
    (_set("before by"), _set("after")),
    (_set("not no never fail fails out"), _set("will")),
)
MAX_SLOT = 4  # words; what differs in more is another question


@dataclass(frozen=True)
class Title:
    """A title taken apart: `words` in order and lower case, `subject` the first run of names or numbers in it."""

    words: tuple[str, ...]
    content: frozenset[str]
    names: frozenset[str]
    numbers: frozenset[str]
    years: frozenset[str]
    months: frozenset[str]
    subject: frozenset[str]
    subject_start: int
    subject_end: int
    trigrams: frozenset[str]


@lru_cache(maxsize=65536)
def parse(title: str) -> Title:
    """The title taken apart; each title once."""
    tokens = TOKEN.findall(title)
    words = tuple(token.lower().replace("\u2019", "'") for token in tokens)
    named = [at for at, token in enumerate(tokens) if at and (token[0].isupper() or token[0].isdigit())]
    start = named[0] if named else 0
    end = start
    while end + 1 in named:
        end += 1
    numbers = frozenset(word for word in words if word[0].isdigit())
    years = frozenset(word for word in numbers if YEAR.fullmatch(word))
    months = frozenset(words) & MONTHS
    return Title(
        words=words,
        content=frozenset(words) - LITTLE,
        names=frozenset(words[at] for at in named) - numbers - months,
        numbers=numbers - years,
        years=years,
        months=frozenset(month[:3] for month in months),
        subject=frozenset(words[start : end + 1]),
        subject_start=start,
        subject_end=end + 1,
        trigrams=trigrams(title),
    )


def facts(a_title: str, b_title: str) -> dict[str, float]:
    """FACTS of two titles by name, in the order of FACTS."""
    a, b = parse(a_title), parse(b_title)
    start, end = _common(a.words, b.words), _common(a.words[::-1], b.words[::-1])
    longest = max(len(a.words), len(b.words), 1)
    values = (
        _jaccard(a.content, b.content),
        _jaccard(a.trigrams, b.trigrams),
        _jaccard(a.names, b.names),
        _jaccard(a.numbers, b.numbers),
        bool(a.numbers and b.numbers),
        bool(a.years & b.years),
        bool(a.years and b.years and not a.years & b.years),
        bool(a.months & b.months),
        start / longest,
        end / longest,
        a.subject == b.subject,
        *slots(a, b),
        any(_opposed(a.words, b.words, *line) for line in OPPOSITES),
    )
    return {name: float(value) for name, value in zip(FACTS, values, strict=True)}


def matrix(a_titles: Sequence[str], b_titles: Sequence[str]) -> NDArray[np.float64]:
    """FACTS of n pairs, `(n, facts)`."""
    return np.array([list(facts(a, b).values()) for a, b in zip(a_titles, b_titles)]).reshape(-1, len(FACTS))


def slots(a: Title, b: Title) -> tuple[bool, bool, bool]:
    """Whether the titles differ in one place only, and this is a subject, something else, or a number."""
    start = _common(a.words, b.words)
    end = min(_common(a.words[::-1], b.words[::-1]), len(a.words) - start, len(b.words) - start)
    slot_a, slot_b = a.words[start : len(a.words) - end], b.words[start : len(b.words) - end]
    longest = max(len(slot_a), len(slot_b))
    one = 0 < longest <= min(MAX_SLOT, start + end) and not set(slot_a) & set(slot_b)
    number = one and {*slot_a, *slot_b} <= MONTHS | a.numbers | b.numbers | a.years | b.years
    subject = one and not number and all(len(t.words) - end <= t.subject_end for t in (a, b))
    return subject, one and not number and not subject, number


def frames(title: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words without the subject and without numbers and dates: outcomes of one question share either."""
    parsed = parse(title)
    without_subject = parsed.words[: parsed.subject_start] + parsed.words[parsed.subject_end :]
    timeless = tuple(word for word in parsed.words if not word[0].isdigit() and word not in MONTHS)
    return without_subject, timeless


def _jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    return len(a & b) / len(a | b) if a | b else 0.0


def _common(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    """How many words two sequences begin with in common."""
    for at, (one, other) in enumerate(zip(a, b)):
        if one != other:
            return at
    return min(len(a), len(b))


def _opposed(a: tuple[str, ...], b: tuple[str, ...], up: frozenset[str], down: frozenset[str]) -> bool:
    """Whether one title has words of `up` only and the other of `down` only."""
    (a_up, a_down), (b_up, b_down) = ((bool(up & set(words)), bool(down & set(words))) for words in (a, b))
    return (a_up, a_down) == (b_down, b_up) and a_up != a_down
