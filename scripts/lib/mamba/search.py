"""Searching passages: an index finds candidates by the first numbers of a vector, the whole vector ranks them.

What a predictor's documents hold beyond those numbers (which chunks were read, in 1,000 buckets) would
be most of an index's memory traffic and never leads to a candidate, only away from one.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ..index import Index
from .predictor import Predictor
from .ranking import Bench

CANDIDATES = 4  # that the index hands on, for each hit asked for
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Search:
    """An index over the first numbers of what `model` makes of the chunks of `bench.payload`."""

    bench: Bench
    model: Predictor
    index: Index

    def __call__(self, queries: NDArray[np.float32], k: int) -> tuple[NDArray[np.float32], Rows]:
        """(inner products, payload rows) of the k best, `(q, k)` each, the best first."""
        width = self.index.index.d
        if width == queries.shape[1]:
            return self.index.search(queries, k)
        _, rows = self.index.search(np.ascontiguousarray(queries[:, :width]), min(CANDIDATES * k, len(self.index.ids)))
        scores = np.stack([self._whole(query, own) for query, own in zip(queries, rows)])
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(scores, best, axis=1), np.take_along_axis(rows, best, axis=1)

    def _whole(self, query: NDArray[np.float32], rows: Rows) -> NDArray[np.float32]:
        """Inner products of one query `(w,)` with all numbers of some documents, `(c,)`."""
        with torch.no_grad():
            documents = self.model.documents(self.bench.vectors(rows)).float().cpu().numpy()  # (c, w)
        return documents @ query
