"""The linear head behind the encoder: centre, soften what tells tickets of one label apart, turn.

Three steps, found before training on the base's vectors of training texts and saved as one affine map; adapters are
trained through it, so that the first numbers of a vector learn what they are to hold:
1. The mean of all vectors goes: what every ticket says is no evidence that two belong together.
2. Directions in which tickets of one label differ shrink: within-class covariance normalisation (Hatch et
   al. 2006), with a small power, because the full one costs more of a foreign domain than it gains.
3. A rotation puts what ranks best into the first numbers. It changes no cosine of whole vectors, starts
   from the principal axes and learns by the Matryoshka loss on fixed vectors, which costs seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from .. import seeds
from . import losses
from .drawing import UNLABELLED
from .frozen import Frozen
from .model import Head
from .objective import NONE, Columns
from .sampler import Sampler

Matrix = NDArray[np.float32]
Rows = NDArray[np.integer]


@dataclass(frozen=True)
class Knobs:
    """How the head is found; 0 pairs leave vectors as the encoder makes them."""

    head_pairs: int  # training pairs whose texts are encoded for it
    whitening: float  # power of the within-label covariance: 0 leaves it, 0.5 makes it the identity
    rotation_steps: int
    rotation_learning_rate: float = 1e-3


def learn(texts: Frozen, pairs: Columns, phases: Rows, knobs: Knobs, batch_size: int, seed: int) -> Head | None:
    """The head of an encoder as it stands, found on some of its training pairs; None when they are to be 0."""
    if not knobs.head_pairs:
        return None
    kept = np.sort(seeds.generator(seed, "head").permutation(len(phases))[: knobs.head_pairs])
    some, known = _subset(pairs, kept)
    vectors = texts.encode(known)
    scale = torch.from_numpy(softening(vectors, some.labels, knobs.whitening))
    softened = Head(scale, -torch.from_numpy(vectors.mean(axis=0)) @ scale)
    turned = softened(torch.from_numpy(vectors))
    axes = torch.from_numpy(principal_axes(turned.numpy()))
    if knobs.rotation_steps and len(texts.encoder.dims) > 1:
        sampler = Sampler(some.labels[some.anchors], phases[kept], "shuffled", batch_size, knobs.rotation_steps, seed)
        axes = _turn_on(axes, turned, some, sampler, knobs, texts.encoder.dims[1:])
    return Head(softened.weight @ axes, softened.bias @ axes)


def softening(vectors: Matrix, labels: Rows, power: float) -> Matrix:
    """The within-label covariance of `vectors` `(n, d)` to minus `power`, `(d, d)`, shrunk as by Ledoit and Wolf 2004.

    labels `(n,)`; texts without a label and single ones of theirs tell nothing of it.
    """
    known = labels != UNLABELLED
    _, member = np.unique(labels[known], return_inverse=True)
    sums = np.zeros((member.max() + 1, vectors.shape[1]))
    np.add.at(sums, member, vectors[known])
    counts = np.bincount(member)
    residuals = (vectors[known] - (sums / counts[:, None])[member])[counts[member] > 1]
    values, axes = np.linalg.eigh(ledoit_wolf(residuals, assume_centered=True)[0])
    return ((axes * values**-power) @ axes.T).astype(np.float32)


def principal_axes(vectors: Matrix) -> Matrix:
    """Orthogonal `(d, d)`; the first k columns keep most of the inner products of `vectors` `(n, d)`, for every k."""
    _, axes = np.linalg.eigh(vectors.astype(np.float64).T @ vectors)  # rising eigenvalues
    axes = axes[:, ::-1] * np.where(axes[:, ::-1].sum(axis=0) < 0, -1.0, 1.0)  # an axis' sign is free
    return np.ascontiguousarray(axes, dtype=np.float32)


def _turn_on(
    axes: Tensor, vectors: Tensor, pairs: Columns, sampler: Sampler, knobs: Knobs, dims: Sequence[int]
) -> Tensor:
    """Axes `(d, d)` that rank better than `axes` at `dims`, the widths that a rotation changes."""
    start, turn = vectors @ axes, _Turn(len(axes))
    optimizer = torch.optim.Adam(turn.parameters(), knobs.rotation_learning_rate)
    for step in range(knobs.rotation_steps):
        anchors, candidates, hidden = pairs.batch(sampler.batch(step))
        optimizer.zero_grad()
        losses.matryoshka(turn(start[anchors]), turn(start[candidates]), dims, torch.from_numpy(hidden)).backward()
        optimizer.step()
    with torch.no_grad():
        return turn(axes)


def _subset(pairs: Columns, kept: Rows) -> tuple[Columns, Rows]:
    """Some of the pairs with their texts alone, and the rows that those texts have among all."""
    columns = [column[kept] for column in (pairs.anchors, pairs.positives, pairs.negatives)]
    texts = np.unique(np.concatenate(columns))
    texts = texts[texts != NONE]
    anchors, positives, negatives = (np.where(c == NONE, NONE, np.searchsorted(texts, c)) for c in columns)
    some = Columns([pairs.texts[text] for text in texts], anchors, positives, negatives, pairs.labels[texts])
    return some, texts


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
