"""The linear head behind the encoder: centre, and turn so that the first numbers of a vector hold the most.

Found before training on the base's vectors of training texts and saved as one affine map; adapters are trained
through it, so that the first numbers learn what they are to hold. What every ticket says is no evidence that two
belong together, so the mean goes (Mu and Viswanath 2018, 1702.01417); the rest turns, which is free at full width.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from .. import seeds
from .frozen import Frozen
from .model import Head

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Knobs:
    """Of how many training texts the head is found; 0 leaves vectors as the encoder makes them."""

    head_texts: int


def learn(texts: Frozen, knobs: Knobs, seed: int) -> Head | None:
    """The head of an encoder as it stands, found on some of its training texts; None when they are to be 0."""
    if not knobs.head_texts:
        return None
    some = np.sort(seeds.generator(seed, "head").permutation(len(texts.tokens))[: knobs.head_texts])
    vectors = torch.from_numpy(texts.encode(some))
    mean = vectors.mean(dim=0)
    axes = torch.from_numpy(principal_axes(F.normalize(vectors - mean, dim=1).numpy()))
    return Head(axes, -mean @ axes)


def principal_axes(vectors: Matrix) -> Matrix:
    """Orthogonal `(d, d)`; the first k columns keep most of the inner products of `vectors` `(n, d)`, for every k."""
    _, axes = np.linalg.eigh(vectors.astype(np.float64).T @ vectors)  # rising eigenvalues
    axes = axes[:, ::-1] * np.where(axes[:, ::-1].sum(axis=0) < 0, -1.0, 1.0)  # an axis' sign is free
    return np.ascontiguousarray(axes, dtype=np.float32)
