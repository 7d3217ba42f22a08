"""How many words two tickets share: the cosine of their TF-IDF vectors, home of pair building and of the baseline."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer

from ..near import WORDS

BLOCK = 1 << 16  # pairs multiplied at a time


def tfidf(texts: Sequence[str]) -> csr_matrix:
    """TF-IDF vectors of unit length, `(n, words)`; a text without any word has an empty row."""
    if not any(map(WORDS.search, texts)):
        return csr_matrix((len(texts), 1), dtype=np.float32)
    vectorizer = TfidfVectorizer(sublinear_tf=True, token_pattern=WORDS.pattern, dtype=np.float32)
    return vectorizer.fit_transform(texts)


def overlap(matrix: csr_matrix, left: NDArray[np.integer], right: NDArray[np.integer]) -> NDArray[np.float32]:
    """Cosine of the rows of each pair, `(n, words)`, `(m,)` and `(m,)` to `(m,)`."""
    found = np.zeros(len(left), dtype=np.float32)
    for at in range(0, len(left), BLOCK):
        block = slice(at, at + BLOCK)
        found[block] = np.asarray(matrix[left[block]].multiply(matrix[right[block]]).sum(axis=1)).ravel()
    return found
