"""The linear head behind the encoder: mix its layers, centre, soften what tells tickets of one label apart, turn.

Found on vectors of training texts and saved as a mixture and one affine map. Once before training: adapters are trained
through it, so that the first numbers learn what they are to hold. Once more after it, because adapters move what is
common to all tickets and what tells those of one label apart.
1. Lower layers hold the words of a text, the last one what it says as a whole (Peters et al. 2018, 1802.05365); of
   tickets that share a product or an error's name, both are evidence.
2. The mean of all vectors goes: what every ticket says is no evidence that two belong together (Mu and
   Viswanath 2018, 1702.01417).
3. Directions in which tickets of one label differ shrink: within-class covariance normalisation (Hatch et
   al. 2006), with a small power, because the full one costs more of a foreign domain than it gains.
4. Principal axes put the most into the first numbers. It changes no cosine of whole vectors.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
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
    lower_layers: float = 0.0  # what vectors take of the states of each layer before the last
    whitening: float = 0.0  # power of the within-label covariance: 0 leaves it, 0.5 makes it the identity


def learn(texts: Frozen, labels: csr_matrix, knobs: Knobs, seed: int) -> None:
    """Give the encoder of some training texts its head, found on them as it stands; none when they are to be 0.

    labels `(t, labels)` says which text has which label.
    """
    if not knobs.head_texts:
        return
    some = np.sort(seeds.generator(seed, "head").permutation(len(texts.tokens))[: knobs.head_texts])
    width = texts.encoder.base.config.hidden_size
    texts.encoder.head = Head(torch.eye(width), torch.zeros(width), knobs.lower_layers)
    vectors = texts.encode(some)
    scale = softening(vectors, labels[some], knobs.whitening)
    centred = torch.from_numpy((vectors - vectors.mean(axis=0)) @ scale)
    turned = scale @ principal_axes(F.normalize(centred, dim=1).numpy())
    weight, bias = map(torch.from_numpy, (turned, -vectors.mean(axis=0) @ turned))
    texts.encoder.head = Head(weight, bias, knobs.lower_layers)


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
