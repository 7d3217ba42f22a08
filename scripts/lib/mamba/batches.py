"""What a step sees of the training articles: sequences of chunks, the questions asked of them, and noise.

With context 0 a sequence is an article from some chunk on, and every position with five chunks before its
next asks for it: one pass gives as many targets as chunks. Otherwise a sequence is a window of `context`
chunks that asks for the one after it, as the original had it.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .. import seeds
from ..errors import BadInput
from .payload import Payload
from .windows import CONTEXT, contexts

Rows = NDArray[np.int64]
EMPTY = -1
DROPPED = (1, 2, 3)  # how many chunks in a row article dropout takes away


@dataclass(frozen=True)
class Sampling:
    """Sizes and noise of a step."""

    batch_size: int  # articles, or windows
    micro_batch: int  # sequences through the model at once, 0 for all
    length: int  # chunks of an article at most
    negatives: str  # batch | pool
    article_dropout: float  # share of sequences that lose 1 to 3 chunks in a row
    span_corruption: float  # share of sequences with one chunk replaced by another article's


@dataclass(frozen=True)
class Batch:
    """b sequences of l chunks and q questions.

    rows     (b, l) payload rows, EMPTY behind the end of a sequence
    sequence (q,) and place (q,) the position after which a question is asked
    targets  (q,) payload rows of the answers
    """

    rows: Rows
    sequence: Rows
    place: Rows
    targets: Rows


class Batches:
    """`batch(step)` is a function of (seed, step); every sequence comes once an epoch."""

    def __init__(self, payload: Payload, context: int, sampling: Sampling, seed: int) -> None:
        self.payload, self.context, self.sampling, self.seed = payload, context, sampling, seed
        documents = [rows for rows in payload.documents("train") if len(rows) > CONTEXT]
        if not documents:
            raise BadInput(f"{payload.folder}: no training article has {CONTEXT + 1} chunks, expected some")
        self.pool = np.flatnonzero(payload.splits == "train")
        if context:
            self.units = np.concatenate([np.arange(rows.start + context, rows.stop) for rows in documents])
        else:
            self.units = np.array([[rows.start, rows.stop] for rows in documents])

    @property
    def steps_per_epoch(self) -> int:
        """Steps until every sequence has come once."""
        return -(-len(self.units) // self.sampling.batch_size)

    def batch(self, step: int) -> Batch:
        """Sequences and questions of a step."""
        size = min(self.sampling.batch_size, len(self.units))
        units = self.units[seeds.shuffled_epochs(len(self.units), size, self.seed, "sequences", step)]
        return self._windows(units) if self.context else self._articles(units, step)

    def _windows(self, targets: Rows) -> Batch:
        rows = contexts(targets, self.context)
        return Batch(rows, np.arange(len(rows)), np.full(len(rows), self.context - 1), targets)

    def _articles(self, bounds: Rows, step: int) -> Batch:
        """Articles that are too long begin at a random chunk."""
        starts, stops = bounds.T
        spare = np.maximum(stops - starts - self.sampling.length, 0)
        starts = starts + seeds.generator(self.seed, "crop", step).integers(0, spare + 1)
        lengths = np.minimum(stops - starts, self.sampling.length)
        places = np.arange(lengths.max())
        rows = np.where(places < lengths[:, None], starts[:, None] + places, EMPTY)
        sequence, place = np.nonzero((places >= CONTEXT - 1) & (places < lengths[:, None] - 1))
        return Batch(rows, sequence, place, rows[sequence, place + 1])

    def candidates(self, batch: Batch) -> Rows:
        """Rows that compete in a step, rising: all of training; or the batch's targets, or all its articles' chunks."""
        if self.sampling.negatives == "pool":
            return self.pool
        return np.unique(batch.targets if self.context else batch.rows[batch.rows != EMPTY])

    def noisy(self, batch: Batch, vectors: Tensor, step: int) -> Tensor:
        """Inputs of a step `(b, l, d)` with some chunks dropped or corrupted."""
        rng = seeds.generator(self.seed, "noise", step)
        lengths = (batch.rows != EMPTY).sum(axis=1)
        rows = corrupted(batch.rows, lengths, self.payload.articles, self.sampling.span_corruption, rng)
        ends = lengths if self.context else rng.integers(1, lengths + 1)
        rows = dropped(rows, ends, self.sampling.article_dropout, rng)
        x = vectors[torch.from_numpy(np.maximum(rows, 0)).to(vectors.device)]
        return x.masked_fill(torch.from_numpy(rows == EMPTY).to(vectors.device).unsqueeze(-1), 0.0)


def corrupted(rows: Rows, lengths: Rows, articles: Rows, share: float, rng: np.random.Generator) -> Rows:
    """Some sequences with one chunk, at a random place, taken from a sequence of another article."""
    rows, count = rows.copy(), len(rows)
    chosen = np.flatnonzero(rng.random(count) < share)
    places, others = rng.integers(0, lengths), rng.integers(0, count, count)
    theirs = rows[others, rng.integers(0, lengths[others])]
    foreign = articles[theirs[chosen]] != articles[rows[chosen, 0]]
    chosen = chosen[foreign]
    rows[chosen, places[chosen]] = theirs[chosen]
    return rows


def dropped(rows: Rows, ends: Rows, share: float, rng: np.random.Generator) -> Rows:
    """Some sequences without the last 1, 2 or 3 chunks before their `ends`."""
    chosen = rng.random(len(rows)) < share
    count = rng.choice(DROPPED, len(rows))
    places = np.arange(rows.shape[1])
    gone = (places < ends[:, None]) & (places >= (ends - count)[:, None]) & chosen[:, None]
    return np.where(gone, EMPTY, rows)
