"""Searching passages: an index finds candidates by the first numbers of a vector, the whole vector ranks them.

What a predictor's documents hold beyond those numbers (which chunks were read, in 10,000 buckets) would
be most of an index's memory traffic and never leads to a candidate, only away from one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack

from .. import tuning
from ..index import Index
from .predictor import Predictor
from .ranking import Bench

LANES = 16  # numbers that a processor compares at once, with AVX-512; half as many with AVX2
CANDIDATES = 4  # that the index hands on, for each hit asked for
ASKED = 256  # questions that are compared with every chunk together
DENSE = 2048  # chunks whose documents are looked at together
Rows = NDArray[np.int64]
Matrix = NDArray[np.float32]


def padded(found: Matrix) -> Matrix:
    """Vectors `(n, d)` with zeros up to a multiple of LANES: FAISS compares others one number at a time."""
    return np.pad(found, ((0, 0), (0, -found.shape[1] % LANES)))


@dataclass(frozen=True)
class Search:
    """An index over the first numbers of what `model` makes of the chunks of `bench.payload`."""

    bench: Bench
    model: Predictor
    index: Index

    @property
    def width(self) -> int:
        """How many of a vector's numbers the index holds; more than that is padding."""
        return self.index.manifest.get("width", self.index.index.d)

    @cached_property
    def beyond(self) -> tuple[Rows, Matrix]:
        """Where documents are not zero beyond the index's numbers, and what they are there, `(n, m)` each.

        A memory has m = 1, a document's bucket. Rows with fewer are filled up with zeros.
        """
        sparse = vstack([csr_matrix(part[:, self.width :]) for part in self._documents()], format="csr")
        filled = np.diff(sparse.indptr)[:, None]
        taken = np.arange(filled.max()) < filled
        places, values = np.zeros(taken.shape, dtype=np.int64), np.zeros(taken.shape, dtype=np.float32)
        places[taken], values[taken] = sparse.indices, sparse.data
        return places, values

    @cached_property
    def held(self) -> Matrix:
        """What the index holds, exactly, `(n, d)`."""
        return np.concatenate([part[:, : self.width] for part in self._documents()])

    def _documents(self) -> Iterator[Matrix]:
        """Documents of all chunks, a few at a time: thousands of buckets each."""
        everything = np.arange(len(self.bench.payload))
        for rows in np.array_split(everything, -(-len(everything) // DENSE)):
            yield self.bench.documents(self.model, rows)

    def nearest(self, queries: Matrix, k: int) -> Matrix:
        """The k largest inner products, `(q, k)`, by comparing with every chunk."""
        everything = np.arange(len(self.held))[None]
        found = []
        for block in np.array_split(queries, -(-len(queries) // ASKED)):
            scores = block[:, : self.width] @ self.held.T + self._products_beyond(block, everything)
            found.append(torch.from_numpy(scores).topk(k).values.numpy())
        return np.concatenate(found)

    def products(self, queries: Matrix, rows: Rows) -> Matrix:
        """Inner products of each query with the whole documents of its own payload rows, `(q, k)`."""
        near = tuning.products(self.held, queries[:, : self.width], rows)
        return near + self._products_beyond(queries, rows)

    def _products_beyond(self, queries: Matrix, rows: Rows) -> Matrix:
        places, values = self.beyond
        asked = queries[np.arange(len(queries))[:, None, None], self.width + places[rows]]  # (q, k, m)
        return (asked * values[rows]).sum(axis=2)

    def __call__(self, queries: Matrix, k: int) -> tuple[Matrix, Rows]:
        """(inner products, payload rows) of the k best, `(q, k)` each, the best first."""
        if self.width == queries.shape[1]:
            return self.index.search(padded(queries), k)
        near, rows = self.index.search(padded(queries[:, : self.width]), min(CANDIDATES * k, len(self.index.ids)))
        scores = near + self._products_beyond(queries, rows)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(scores, best, axis=1), np.take_along_axis(rows, best, axis=1)
