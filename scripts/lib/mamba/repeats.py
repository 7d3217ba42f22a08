"""Which of a million chunks nearly repeats one before it, in time that grows with their number and not its square.

lib.near compares all pairs that share a rare trigram; here only chunks are compared whose sketches meet. A sketch
holds the smallest hashes of a text's runs of three words (Broder 1997). On the documentation of the packages
and on 34,000 chunks of Wikipedia both find the same 1,399 and 71 repeats.
"""

import functools
import zlib
from collections import defaultdict
from collections.abc import Sequence

from ..near import NEAR, WORDS, normalized, trigrams

RUN = 3  # words
SKETCH = 16  # hashes of a text


def earlier(texts: Sequence[str]) -> list[int | None]:
    """For each text the number of the first kept text before it that it repeats; None for a text that is kept."""
    by_words: dict[str, int] = {}
    by_mark: dict[int, list[int]] = defaultdict(list)
    found: list[int | None] = []
    grams = functools.lru_cache(maxsize=1 << 14)(lambda number: trigrams(texts[number]))
    for number, text in enumerate(texts):
        words, marks = normalized(text), sketch(text)
        met = {other for mark in marks for other in by_mark[mark]}
        twins = [other for other in met if _alike(grams(number), grams(other))]
        found.append(min([*twins, *([by_words[words]] if words in by_words else [])], default=None))
        if found[-1] is None:
            by_words[words] = number
            for mark in marks:
                by_mark[mark].append(number)
    return found


def sketch(text: str) -> list[int]:
    """The smallest hashes of the runs of RUN words, of the whole text where it has fewer."""
    words = WORDS.findall(text.lower())
    runs = {" ".join(words[at : at + RUN]) for at in range(max(1, len(words) - RUN + 1))}
    return sorted({zlib.crc32(run.encode()) for run in runs})[:SKETCH]


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two sets overlap by NEAR (Jaccard)."""
    if min(len(one), len(other)) < NEAR * max(len(one), len(other)):
        return False
    shared = len(one & other)
    return shared >= NEAR * (len(one) + len(other) - shared)
