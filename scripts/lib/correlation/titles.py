"""Titles as unit vectors, and where a pair of them lies; everything about a pair is symmetric in its two titles."""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from .. import encoders, tokens, vectors

Matrix = NDArray[np.float32]
MAX_LENGTH = 128  # tokens of a title


class TitleVectors:
    """Unit vectors of titles, `(n, d)`; each distinct title is encoded once."""

    def __init__(self, encoder: str, key: str) -> None:
        self.tokenizer, self.model = encoders.load(encoder, key)
        self.known: dict[str, NDArray[np.floating]] = {}

    def __call__(self, titles: Sequence[str]) -> Matrix:
        if new := sorted({*titles} - {*self.known}):
            encoded = encoders.encode(self.model, tokens.tokenize(self.tokenizer, new, MAX_LENGTH)).numpy()
            self.known.update(zip(new, vectors.normalised(encoded, "titles")))
        return np.stack([self.known[title] for title in titles]).astype(np.float32)


@cache
def title_vectors(encoder: str, key: str = "correlation.rag.encoder") -> TitleVectors:
    """The one that all of a process share; `key` is the config key an error names."""
    return TitleVectors(encoder, key)


def pair_keys(a: Matrix, b: Matrix) -> Matrix:
    """What retrieval compares, `(n, d)` and `(n, d)` to `(n, d)`: the mean."""
    return np.asarray((a + b) / 2, dtype=np.float32)


def pair_vectors(a: Matrix, b: Matrix) -> Matrix:
    """What a regression reads, `(n, d)` and `(n, d)` to `(n, 2d)`: |a - b| and a * b."""
    return np.concatenate([np.abs(a - b), a * b], axis=1)
