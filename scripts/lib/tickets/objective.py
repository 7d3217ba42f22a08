"""The loss of a step: Matryoshka ranking of a batch of pairs, each distinct text encoded once and unpadded."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .. import encoders, gradcache
from ..compute import Compute
from . import losses
from .drawing import UNLABELLED
from .frozen import Frozen
from .pairs import Pairs
from .sampler import Sampler

Rows = NDArray[np.integer]
NONE = -1


@dataclass(frozen=True)
class Batches:
    """How training goes through the pairs; with `grad_cache` the memory is that of `max_tokens` tokens."""

    batch_size: int
    curriculum: str = "curriculum"
    max_tokens: int = 4096
    grad_cache: bool = False


@dataclass(frozen=True)
class Columns:
    """Pairs as rows of distinct texts.

    anchors, positives, negatives (n,) rows in `texts`, NONE where a pair has no hard negative
    labels (t,) the label of every text, UNLABELLED for a negative whose label no pair tells
    """

    texts: list[str]
    anchors: Rows
    positives: Rows
    negatives: Rows
    labels: Rows

    def batch(self, rows: Rows) -> tuple[Rows, Rows, NDArray[np.bool_]]:
        """Texts of some pairs, `(b,)`: anchors `(b,)`, candidates `(c,)` with the positives first, false negatives."""
        anchors, negatives = self.anchors[rows], self.negatives[rows]
        candidates = np.concatenate([self.positives[rows], negatives[negatives != NONE]])
        return anchors, candidates, false_negatives(self.labels, anchors, candidates)


class Objective:
    """`backward(step)` for the training loop: a function of the weights and (seed, step)."""

    def __init__(self, texts: Frozen, pairs: Columns, sampler: Sampler, batches: Batches, machine: Compute) -> None:
        self.texts, self.pairs, self.sampler = texts, pairs, sampler
        self.batches, self.machine = batches, machine

    def backward(self, step: int) -> dict[str, float]:
        """Add the step's gradient to the parameters and return its loss."""
        rows = self.sampler.batch(step)
        anchors, candidates, excluded = self.pairs.batch(rows)
        distinct, back = np.unique(np.concatenate([anchors, candidates]), return_inverse=True)
        hidden = torch.from_numpy(excluded).to(self.texts.encoder.base.device)

        def encode(chunk: Rows) -> Tensor:
            with self.machine.autocast():
                return self.texts.vectors(distinct[chunk])

        def loss_of(vectors: Tensor) -> Tensor:
            every = vectors[torch.from_numpy(back)]
            return losses.matryoshka(every[: len(rows)], every[len(rows) :], self.texts.encoder.dims, hidden)

        chunks = list(encoders.length_batches(self.texts.tokens.lengths[distinct], self.batches.max_tokens))
        way = gradcache.backward if self.batches.grad_cache else gradcache.plain
        return {"loss": way(encode, chunks, loss_of).item(), "phase": float(self.sampler.phase(step).number)}


def columns(pairs: Pairs) -> Columns:
    """Distinct texts of all three columns, and which stand where."""
    given = [text for text in pairs.negatives if text is not None]
    texts = sorted({*pairs.anchors, *pairs.positives, *given})
    row = {text: number for number, text in enumerate(texts)}
    anchors, positives = (np.array([row[text] for text in column]) for column in (pairs.anchors, pairs.positives))
    negatives = np.array([NONE if text is None else row[text] for text in pairs.negatives])
    labels = np.full(len(texts), UNLABELLED)
    for column in (anchors, positives):
        labels[column] = pairs.groups
    return Columns(texts, anchors, positives, negatives, labels)


def false_negatives(labels: Rows, anchors: Rows, candidates: Rows) -> NDArray[np.bool_]:
    """Which candidates `(c,)` are no negatives of an anchor `(b,)`, `(b, c)`: they share its label, or are its text.

    Candidate i is the positive of anchor i and stays.
    """
    own = candidates[: len(anchors), None]
    hidden = (labels[anchors][:, None] == labels[candidates]) | (candidates == own) | (candidates == anchors[:, None])
    np.fill_diagonal(hidden, False)
    return hidden
