"""When do two short texts say the same? Equal sets of words, or nearly equal sets of character trigrams.

Words are runs of letters and digits of any script, in lower case.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

# The published split holds out no entry whose trigrams overlap another's by more than 0.913 (Jaccard),
# and none whose set of words equals another's; above 0.92 it holds out none at all.
NEAR = 0.92
WORDS = re.compile(r"[^\W_]+")


def normalized(text: str) -> str:
    """The text as its sorted distinct words."""
    return " ".join(sorted(set(WORDS.findall(text.lower()))))


def trigrams(text: str) -> frozenset[str]:
    """Character trigrams of the words in order, with a blank at either end."""
    padded = f" {' '.join(re.findall(r'[a-z0-9]+', text.lower()))} "
    return frozenset(padded[start : start + 3] for start in range(len(padded) - 2))


def repeats(texts: Sequence[str], others: Sequence[str] = ()) -> list[bool]:
    """Whether each text nearly repeats another of `texts` or one of `others`.

    Two sets that overlap by NEAR share one of their rarest few trigrams (prefix filtering, Chaudhuri
    et al. 2006), so only texts that meet in such a trigram are compared.
    """
    everything = [*texts, *others]
    words = Counter(map(normalized, everything))
    sets = [trigrams(text) for text in everything]
    meetings = _meetings(sets)
    return [
        words[normalized(text)] > 1 or any(_near(own, sets[other]) for other in meetings(number))
        for number, (text, own) in enumerate(zip(texts, sets))
    ]


def earlier(texts: Sequence[str]) -> list[int | None]:
    """For each text the number of the first kept text before it that it repeats; None for a text that is kept.

    A text is kept unless it repeats a kept one, so that whoever drops the others keeps one of each.
    """
    sets = [trigrams(text) for text in texts]
    meetings = _meetings(sets)
    by_words: dict[str, int] = {}
    found: list[int | None] = []
    for number, (text, own) in enumerate(zip(texts, sets)):
        twins = [by_words[words]] if (words := normalized(text)) in by_words else []
        kept = (other for other in meetings(number) if other < number and found[other] is None)
        found.append(min((*twins, *(other for other in kept if _near(own, sets[other]))), default=None))
        if found[-1] is None:
            by_words[words] = number
    return found


def _near(a: frozenset[str], b: frozenset[str]) -> bool:
    if min(len(a), len(b)) < NEAR * max(len(a), len(b)):
        return False
    shared = len(a & b)
    return shared >= NEAR * (len(a) + len(b) - shared)


def _meetings(sets: list[frozenset[str]]) -> Callable[[int], set[int]]:
    """A function from a set's number to the numbers of the other sets that may be near it."""
    frequency = Counter(trigram for one in sets for trigram in one)
    prefixes = []
    table = defaultdict(list)
    for number, one in enumerate(sets):
        rarest = sorted(one, key=lambda trigram: (frequency[trigram], trigram))
        prefixes.append(rarest[: len(one) - math.ceil(NEAR * len(one)) + 1])
        for trigram in prefixes[-1]:
            table[trigram].append(number)
    return lambda number: {other for trigram in prefixes[number] for other in table[trigram]} - {number}
