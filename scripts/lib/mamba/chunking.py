"""Paragraphs as chunks: whole sentences, about as many words as asked for, never across paragraphs."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
SLACK = 1.25  # a chunk takes one more sentence while it stays below this many times `words`


@dataclass(frozen=True)
class Chunking:
    """Sizes of a chunk: `words` are aimed at, `max_chars` are never exceeded, below `min_chars` it is dropped."""

    words: int = 60
    max_chars: int = 500
    min_chars: int = 20


def chunks(paragraphs: Sequence[str], sizes: Chunking) -> list[str]:
    """The chunks of an article in reading order."""
    found = [chunk for paragraph in paragraphs for chunk in _packed(paragraph, sizes)]
    return [chunk for chunk in found if len(chunk) >= sizes.min_chars]


def _packed(paragraph: str, sizes: Chunking) -> Iterator[str]:
    """Sentences packed one after the other; a chunk ends where the next one would make it too long."""
    chunk = ""
    for sentence in _sentences(paragraph, sizes.max_chars):
        longer = f"{chunk} {sentence}" if chunk else sentence
        if chunk and (len(longer.split()) > sizes.words * SLACK or len(longer) > sizes.max_chars):
            yield chunk
            longer = sentence
        chunk = longer
    if chunk:
        yield chunk


def _sentences(paragraph: str, max_chars: int) -> Iterator[str]:
    """Sentences with single blanks between words; what is longer than `max_chars` is cut at its last blank."""
    for sentence in SENTENCE_END.split(" ".join(paragraph.split())):
        while len(sentence) > max_chars:
            blank = sentence.rfind(" ", 0, max_chars)
            cut = blank if blank > 0 else max_chars
            yield sentence[:cut]
            sentence = sentence[cut:].strip()
        yield sentence
