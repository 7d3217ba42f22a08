"""How well tickets find those of their own label: every query against all tickets but itself."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from .. import metrics
from .drawing import UNLABELLED

Matrix = NDArray[np.floating]
Rows = NDArray[np.int64]
Similarity = Callable[[Rows], Matrix]  # rows (b,) to their similarity to all tickets (b, n)

BLOCK = 256  # queries ranked at a time
K = 10


class Retrieved(NamedTuple):
    """Scores of each query `(q,)`: average precision, and the share of its label's tickets among the first K."""

    average_precision: Matrix
    recall: Matrix


def by_cosine(vectors: Matrix) -> Similarity:
    """Of unit vectors `(n, d)`."""
    return lambda rows: vectors[rows] @ vectors.T


def by_words(matrix: csr_matrix) -> Similarity:
    """Of TF-IDF vectors `(n, words)` of unit length."""
    return lambda rows: (matrix[rows] @ matrix.T).toarray()


def askable(groups: Rows, rows: Rows | None = None) -> Rows:
    """Those of `rows`, or of all, that have another ticket of their label to find."""
    labels, counts = np.unique(groups[groups != UNLABELLED], return_counts=True)
    rows = np.arange(len(groups)) if rows is None else rows
    return rows[np.isin(groups[rows], labels[counts > 1])]


def retrieve(similarity: Similarity, groups: Rows, queries: Rows) -> Retrieved:
    """Rank all n tickets for each query `(q,)`; those of its label in `groups` `(n,)` are relevant."""
    ranks: list[Rows] = []
    for start in range(0, len(queries), BLOCK):
        rows = queries[start : start + BLOCK]
        scores = similarity(rows)
        scores[np.arange(len(rows)), rows] = -np.inf  # a query does not find itself
        ranks += metrics.ranks_of_relevant(scores, groups[rows][:, None] == groups)
    precision = np.array([metrics.precision_at(found) for found in ranks])
    return Retrieved(precision, np.array([float((found <= K).mean()) for found in ranks]))
