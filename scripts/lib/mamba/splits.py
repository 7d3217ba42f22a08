"""Which articles train and which judge, and what is left out: all functions of the articles' ids and a seed."""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .. import seeds
from ..errors import BadInput
from . import chunking
from .articles import Article
from .chunking import Chunking
from .dataset import SPLITS
from .repeats import earlier


@dataclass(frozen=True)
class Shares:
    """Which share of the articles judges, by the hash of their ids."""

    test_share: float = 0.1
    validation_share: float = 0.1
    seed: int = 1


@dataclass(frozen=True)
class Sizes:
    """How many articles and how long: shorter ones than `min_chunks` go, of longer ones the first `max_chunks` stay."""

    min_chunks: int
    max_chunks: int | None = None
    max_articles: int | None = None


class Chunked(NamedTuple):
    """An article as its chunks, in reading order."""

    id: str
    title: str
    chunks: list[str]


def lot(seed: int, purpose: str, name: str) -> float:
    """A number in [0, 1) for each name, as if drawn."""
    return int(seeds.lot(seed, f"articles {purpose}", name)[:14], 16) / (1 << 56)


def side(name: str, shares: Shares) -> str:
    """The split of an article, known from its id alone: no other article and no chunking changes it."""
    at = lot(shares.seed, "split", name)
    if at < shares.test_share:
        return "test"
    return "validation" if at < shares.test_share + shares.validation_share else "train"


def draw(articles: Iterable[Article], shape: Chunking, sizes: Sizes, seed: int) -> tuple[list[Chunked], dict[str, int]]:
    """The articles that `sizes` leaves, by id, in chunks, and how many went; no more than these are in memory."""
    gone: Counter[str] = Counter()

    def long_enough() -> Iterator[Chunked]:
        for article in articles:
            found = chunking.chunks(article.paragraphs, shape)
            if len(found) < sizes.min_chunks:
                gone["articles_too_short"] += 1
            else:
                gone["articles"] += 1
                yield Chunked(article.id, article.title, found[: sizes.max_chunks])

    kept = (
        list(long_enough())
        if sizes.max_articles is None
        else heapq.nsmallest(sizes.max_articles, long_enough(), key=lambda article: lot(seed, "size", article.id))
    )
    beyond = gone.pop("articles", 0) - len(kept)
    return sorted(kept), {**gone, "articles_beyond_max": beyond}


def without_repeats(articles: Sequence[Chunked], sizes: Sizes, shares: Shares) -> tuple[list[Chunked], dict[str, int]]:
    """The articles without chunks that nearly repeat another, and how many went.

    Of several that say the same the one that judges stays, so that training never saw what it is
    judged by. An article that becomes too short goes whole.
    """
    order = sorted(articles, key=lambda article: (-SPLITS.index(side(article.id, shares)), article.id))
    found = iter(earlier([chunk for article in order for chunk in article.chunks]))
    thinned = [article._replace(chunks=[chunk for chunk in article.chunks if next(found) is None]) for article in order]
    kept = sorted(article for article in thinned if len(article.chunks) >= sizes.min_chunks)
    before, after = (sum(len(article.chunks) for article in group) for group in (order, thinned))
    return kept, {"chunks_repeated": before - after, "articles_of_repeats": len(thinned) - len(kept)}


def refuse(articles: Sequence[Chunked], shares: Shares) -> None:
    """BadInput when an id stands twice or a split has no article."""
    ids = Counter(article.id for article in articles)
    for name, times in ids.items():
        if times > 1:
            raise BadInput(f"articles: id {name!r} stands {times} times")
    sides = Counter(side(article.id, shares) for article in articles)
    for split in SPLITS:
        if not sides[split]:
            raise BadInput(
                f"articles: none of {len(articles)} in {split}, expected some in each of {', '.join(SPLITS)}"
            )
