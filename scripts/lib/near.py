"""When do two short texts say the same? Equal sets of words, or nearly equal sets of character trigrams.

Words are runs of letters and digits of any script, in lower case.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.sparse import csr_matrix, triu

# The published split holds out no entry whose trigrams overlap another's by more than 0.913 (Jaccard),
# and none whose set of words equals another's; above 0.92 it holds out none at all.
NEAR = 0.92
WORDS = re.compile(r"[^\W_]+")
BLOCK = 1024  # texts compared with all at a time


def normalized(text: str) -> str:
    """The text as its sorted distinct words."""
    return " ".join(sorted(set(WORDS.findall(text.lower()))))


def trigrams(text: str) -> frozenset[str]:
    """Character trigrams of the words in order, with a blank at either end."""
    padded = f" {' '.join(WORDS.findall(text.lower()))} "
    return frozenset(padded[start : start + 3] for start in range(len(padded) - 2))


def repeats(texts: Sequence[str], others: Sequence[str] = ()) -> list[bool]:
    """Whether each text nearly repeats another of `texts` or one of `others`."""
    everything = [*texts, *others]
    words = Counter(map(normalized, everything))
    near = {number for pair in _near_pairs(everything) for number in pair}
    return [words[normalized(text)] > 1 or number in near for number, text in enumerate(texts)]


def earlier(texts: Sequence[str]) -> list[int | None]:
    """For each text the number of the first kept text before it that it repeats; None for a text that is kept.

    A text is kept unless it repeats a kept one, so that whoever drops the others keeps one of each.
    """
    before: dict[int, list[int]] = defaultdict(list)
    for first, second in _near_pairs(texts):
        before[second].append(first)
    by_words: dict[str, int] = {}
    found: list[int | None] = []
    for number, text in enumerate(texts):
        twins = [by_words[words]] if (words := normalized(text)) in by_words else []
        found.append(min((*twins, *(other for other in before[number] if found[other] is None)), default=None))
        if found[-1] is None:
            by_words[words] = number
    return found


def _near_pairs(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """(first, second) of all pairs whose trigrams overlap by NEAR, first < second.

    Two sets that overlap so much share one of their rarest few trigrams (prefix filtering, Chaudhuri
    et al. 2006), so only texts that meet in such a trigram are compared.
    """
    sets = [trigrams(text) for text in texts]
    frequency = Counter(trigram for one in sets for trigram in one)
    column = {trigram: at for at, trigram in enumerate(sorted(frequency, key=lambda t: (frequency[t], t)))}
    rows = [sorted(column[trigram] for trigram in one) for one in sets]  # the rarest first
    whole = _binary(rows, len(column))
    rarest = _binary([row[: len(row) - math.ceil(NEAR * len(row)) + 1] for row in rows], len(column))
    sizes = whole.getnnz(axis=1)
    for at in range(0, len(rows), BLOCK):
        met = triu(rarest[at : at + BLOCK] @ rarest.T, k=at + 1).tocoo()
        first, second = met.row + at, met.col
        alike = np.minimum(sizes[first], sizes[second]) >= NEAR * np.maximum(sizes[first], sizes[second])
        first, second = first[alike], second[alike]
        for part in range(0, len(first), BLOCK):
            a, b = first[part : part + BLOCK], second[part : part + BLOCK]
            shared = np.asarray(whole[a].multiply(whole[b]).sum(axis=1)).ravel()
            near = shared >= NEAR * (sizes[a] + sizes[b] - shared)
            yield from zip(a[near].tolist(), b[near].tolist())


def _binary(rows: list[list[int]], columns: int) -> csr_matrix:
    """Rows of column numbers as a matrix of ones, `(n, columns)`."""
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    indices = np.fromiter((column for row in rows for column in row), dtype=np.int64, count=int(offsets[-1]))
    return csr_matrix((np.ones(len(indices), dtype=np.int32), indices, offsets), shape=(len(rows), columns))
