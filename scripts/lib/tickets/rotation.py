"""Turn trained vectors so that their first numbers rank as well as they can.

A rotation changes no cosine of whole vectors, so it can neither teach nor forget anything at full
width; it decides what a vector's first 64 numbers hold. It starts from the principal axes of the
training texts and learns from there, by the Matryoshka loss on fixed vectors, which costs seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from .. import encoders, seeds
from . import losses, model
from .model import TicketEncoder
from .objective import NONE, Columns
from .sampler import Sampler

Matrix = NDArray[np.float32]
Rows = NDArray[np.integer]


@dataclass(frozen=True)
class Rotation:
    """How the rotation is learnt; 0 steps leave vectors as the encoder makes them."""

    rotation_steps: int
    rotation_pairs: int  # training pairs whose texts are encoded for it
    rotation_learning_rate: float = 1e-3


def principal_axes(vectors: Matrix) -> Matrix:
    """Orthogonal `(d, d)`; the first k columns keep most of the inner products of `vectors` `(n, d)`, for every k."""
    _, axes = np.linalg.eigh(vectors.astype(np.float64).T @ vectors)  # rising eigenvalues
    axes = axes[:, ::-1] * np.where(axes[:, ::-1].sum(axis=0) < 0, -1.0, 1.0)  # an axis' sign is free
    return np.ascontiguousarray(axes, dtype=np.float32)


def learn(
    encoder: TicketEncoder, tokenizer, pairs: Columns, phases: Rows, knobs: Rotation, batch_size: int, seed: int
) -> Tensor | None:
    """The rotation `(d, d)` that vectors are multiplied by; None for 0 steps or a single width."""
    if not knobs.rotation_steps or len(encoder.dims) == 1:
        return None
    kept = np.sort(seeds.generator(seed, "rotation").permutation(len(phases))[: knobs.rotation_pairs])
    some = _subset(pairs, kept)
    rows = model.tokenize(tokenizer, some.texts, encoder.shape)
    vectors = model.unit(encoders.encode(encoder.base, rows).numpy(), encoder.dims[0])
    start = principal_axes(vectors)
    turned, turn = torch.from_numpy(vectors @ start), _Turn(encoder.dims[0])
    sampler = Sampler(some.labels[some.anchors], phases[kept], "shuffled", batch_size, knobs.rotation_steps, seed)
    optimizer = torch.optim.Adam(turn.parameters(), knobs.rotation_learning_rate)
    for step in range(knobs.rotation_steps):
        drawn = sampler.batch(step)
        optimizer.zero_grad()
        _loss(turn, turned, some, drawn, encoder.dims[1:]).backward()
        optimizer.step()
    with torch.no_grad():
        return turn(torch.from_numpy(start))


def _subset(pairs: Columns, kept: Rows) -> Columns:
    """Some of the pairs, with their texts alone."""
    columns = [column[kept] for column in (pairs.anchors, pairs.positives, pairs.negatives)]
    texts = np.unique(np.concatenate(columns))
    texts = texts[texts != NONE]
    anchors, positives, negatives = (np.where(c == NONE, NONE, np.searchsorted(texts, c)) for c in columns)
    return Columns([pairs.texts[text] for text in texts], anchors, positives, negatives, pairs.labels[texts])


def _loss(turn: nn.Module, vectors: Tensor, pairs: Columns, drawn: Rows, dims: Sequence[int]) -> Tensor:
    """The Matryoshka loss of a batch at the widths that a rotation changes."""
    anchors, candidates, hidden = pairs.batch(drawn)
    return losses.matryoshka(turn(vectors[anchors]), turn(vectors[candidates]), dims, torch.from_numpy(hidden))


class _Turn(nn.Module):
    """A matrix that stays orthogonal while it learns (Cayley transform), the identity at the start."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.matrix = nn.Linear(dim, dim, bias=False)
        parametrizations.orthogonal(self.matrix, orthogonal_map="cayley")
        with torch.no_grad():
            self.matrix.weight = torch.eye(dim)

    def forward(self, vectors: Tensor) -> Tensor:
        return self.matrix(vectors)
