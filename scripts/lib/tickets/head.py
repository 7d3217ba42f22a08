"""The linear head behind the encoder: centre, soften what tells tickets of one label apart, turn.

Found before training on the base's vectors of training texts and saved as one affine map; adapters are trained
through it, so that the first numbers learn what they are to hold.
1. The mean of all vectors goes: what every ticket says is no evidence that two belong together (Mu and
   Viswanath 2018, 1702.01417).
2. Directions in which tickets of one label differ shrink: within-class covariance normalisation (Hatch et
   al. 2006), with a small power, because the full one costs more of a foreign domain than it gains.
3. Principal axes put the most into the first numbers. It changes no cosine of whole vectors.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.covariance import ledoit_wolf

from .. import seeds
from .frozen import Frozen
from .model import Head

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Knobs:
    """How the head is found; 0 texts leave vectors as the encoder makes them."""

    head_texts: int  # training texts that are encoded for it
    whitening: float = 0.0  # power of the within-label covariance: 0 leaves it, 0.5 makes it the identity


def learn(texts: Frozen, labels: csr_matrix, knobs: Knobs, seed: int) -> Head | None:
    """The head of an encoder as it stands, found on some of its training texts; None when they are to be 0.

    labels `(t, labels)` says which text has which label.
    """
    if not knobs.head_texts:
        return None
    some = np.sort(seeds.generator(seed, "head").permutation(len(texts.tokens))[: knobs.head_texts])
    vectors = texts.encode(some)
    scale = torch.from_numpy(softening(vectors, labels[some], knobs.whitening))
    softened = Head(scale, -torch.from_numpy(vectors.mean(axis=0)) @ scale)
    axes = torch.from_numpy(principal_axes(softened(torch.from_numpy(vectors)).numpy()))
    return Head(scale @ axes, softened.bias @ axes)


def softening(vectors: Matrix, labels: csr_matrix, power: float) -> Matrix:
    """The within-label covariance of `vectors` `(n, d)` to minus `power`, `(d, d)`, shrunk as by Ledoit and Wolf 2004.

    labels `(n, labels)`; a text counts once for each of its labels, and one that is alone tells nothing of it.
    """
    if not power:
        return np.eye(vectors.shape[1], dtype=np.float32)
    text, label = labels.nonzero()
    counts = np.bincount(label, minlength=labels.shape[1])
    means = (labels.T @ vectors) / np.maximum(counts, 1)[:, None]
    residuals = (vectors[text] - means[label])[counts[label] > 1]
    values, axes = np.linalg.eigh(ledoit_wolf(residuals.astype(np.float64), assume_centered=True)[0])
    return ((axes * values**-power) @ axes.T).astype(np.float32)


def principal_axes(vectors: Matrix) -> Matrix:
    """Orthogonal `(d, d)`; the first k columns keep most of the inner products of `vectors` `(n, d)`, for every k."""
    _, axes = np.linalg.eigh(vectors.astype(np.float64).T @ vectors)  # rising eigenvalues
    axes = axes[:, ::-1] * np.where(axes[:, ::-1].sum(axis=0) < 0, -1.0, 1.0)  # an axis' sign is free
    return np.ascontiguousarray(axes, dtype=np.float32)
