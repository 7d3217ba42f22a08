"""Searching passages: an index finds candidates by the first numbers of a vector, the whole vector ranks them.

What a predictor's documents hold beyond those numbers (which chunks were read, in 1,000 buckets) would
be most of an index's memory traffic and never leads to a candidate, only away from one.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack

from .. import vectors
from ..index import Index
from .predictor import Predictor
from .ranking import Bench

LANES = 8  # numbers that a processor compares at once
CANDIDATES = 4  # that the index hands on, for each hit asked for
Rows = NDArray[np.int64]


def padded(found: NDArray[np.float32]) -> NDArray[np.float32]:
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
    def beyond(self) -> csr_matrix:
        """What documents hold beyond the index's numbers, of all chunks, `(n, w - d)`: nearly all of it is zero."""
        parts = []
        for start, block in vectors.blocks(self.bench.payload.vectors):
            with torch.no_grad():
                documents = self.model.documents(self.bench.vectors(np.arange(start, start + len(block))))
            parts.append(csr_matrix(documents[:, self.width :].float().cpu().numpy()))
        return vstack(parts, format="csr")

    def __call__(self, queries: NDArray[np.float32], k: int) -> tuple[NDArray[np.float32], Rows]:
        """(inner products, payload rows) of the k best, `(q, k)` each, the best first."""
        if self.width == queries.shape[1]:
            return self.index.search(padded(queries), k)
        near, rows = self.index.search(padded(queries[:, : self.width]), min(CANDIDATES * k, len(self.index.ids)))
        scores = near + np.stack([self.beyond[own] @ query for own, query in zip(rows, queries[:, self.width :])])
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(scores, best, axis=1), np.take_along_axis(rows, best, axis=1)
