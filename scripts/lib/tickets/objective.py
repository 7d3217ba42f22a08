"""The loss of a step: Matryoshka ranking of a batch, and what is held of the base; texts are encoded once, unpadded."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from torch import Tensor

from .. import encoders, gradcache
from ..compute import Compute
from . import losses
from .frozen import Frozen
from .pairs import Pairs
from .retention import Retention
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
    labels (t, labels) which text has which label; none for a negative whose label no pair tells, and
    two where masking left tickets of two labels with one text
    """

    texts: list[str]
    anchors: Rows
    positives: Rows
    negatives: Rows
    labels: csr_matrix

    def batch(self, rows: Rows) -> tuple[Rows, NDArray[np.bool_]]:
        """The distinct texts of some pairs, `(b,)` to `(t,)`, and which two of them share a label, `(t, t)`."""
        texts = np.unique(np.concatenate([self.anchors[rows], self.positives[rows], self.negatives[rows]]))
        texts = texts[texts != NONE]
        labels = self.labels[texts]
        return texts, (labels @ labels.T).toarray() > 0


class Objective:
    """`backward(step)` for the training loop: a function of the weights and (seed, step)."""

    def __init__(
        self,
        texts: Frozen,
        pairs: Columns,
        sampler: Sampler,
        batches: Batches,
        machine: Compute,
        retention: Retention | None = None,
    ) -> None:
        self.texts, self.pairs, self.sampler = texts, pairs, sampler
        self.batches, self.machine, self.retention = batches, machine, retention

    def backward(self, step: int) -> dict[str, float]:
        """Add the step's gradient to the parameters and return its loss, that of ranking and of what is held."""
        texts, together = self.pairs.batch(self.sampler.batch(step))
        shared = torch.from_numpy(together).to(self.texts.encoder.base.device)

        def ranking(vectors: Tensor) -> Tensor:
            return losses.matryoshka(vectors, shared, self.texts.encoder.dims)

        row = {"loss": self._add(self.texts, texts, ranking), "phase": float(self.sampler.phase(step).number)}
        if self.retention:
            rows = self.retention.rows(step)
            row["retention"] = self._add(self.retention.texts, rows, self.retention.loss_of(rows))
            row["loss"] += row["retention"]
        return row

    def _add(self, texts: Frozen, rows: Rows, loss_of: gradcache.Loss) -> float:
        """Add the gradient of a loss of the vectors of distinct `rows` `(b,)` of `texts`, and return the loss."""

        def encode(chunk: Rows) -> Tensor:
            with self.machine.autocast():
                return texts.vectors(rows[chunk])

        chunks = list(encoders.length_batches(texts.tokens.lengths[rows], self.batches.max_tokens))
        way = gradcache.backward if self.batches.grad_cache else gradcache.plain
        return way(encode, chunks, loss_of).item()


def columns(pairs: Pairs) -> Columns:
    """Distinct texts of all three columns, and which stand where."""
    given = [text for text in pairs.negatives if text is not None]
    texts = sorted({*pairs.anchors, *pairs.positives, *given})
    row = {text: number for number, text in enumerate(texts)}
    anchors, positives = (np.array([row[text] for text in column]) for column in (pairs.anchors, pairs.positives))
    negatives = np.array([NONE if text is None else row[text] for text in pairs.negatives])
    told = np.unique(np.stack([np.concatenate([anchors, positives]), np.tile(pairs.groups, 2)]), axis=1)
    labels = csr_matrix((np.ones(told.shape[1], dtype=np.int32), told), shape=(len(texts), pairs.groups.max() + 1))
    return Columns(texts, anchors, positives, negatives, labels)
