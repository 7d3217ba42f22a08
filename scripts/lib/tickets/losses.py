"""What training minimises: in-batch ranking at every prefix of the vectors.

MatryoshkaLoss over MultipleNegativesRankingLoss with sentence-transformers' scale of 20, but of a batch of labelled
texts: each text is the anchor of every other of its label, so that a text that is encoded once teaches in
all its roles. Sources: Henderson et al. 2017 (1705.00652), Kusupati et al. 2022 (2205.13147); several positives
of an anchor, as Khosla et al. 2020 (2004.11362) have them, here without competing.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def ranking(vectors: Tensor, together: Tensor, scale: float = 20.0) -> Tensor:
    """Mean over anchors and their positives of the cross-entropy of the positive among all negatives.

    vectors   (t, d)  of distinct texts
    together  (t, t)  True where two texts share a label, symmetric; what a text shares with itself is not looked at

    Every pair for itself is MultipleNegativesRankingLoss with the texts of other labels as hard negatives; other
    positives of the anchor take no part. A text that is with no other is a negative alone.
    """
    vectors = F.normalize(vectors, dim=1)
    scores = scale * vectors @ vectors.T  # (t, t)
    itself = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    negatives = scores.masked_fill(together | itself, -torch.inf).logsumexp(dim=1, keepdim=True)  # (t, 1)
    positives = together & ~itself
    counts = positives.sum(dim=1)
    losses = F.softplus(negatives - scores).masked_fill(~positives, 0.0).sum(dim=1)  # (t,)
    anchors = counts > 0
    return (losses[anchors] / counts[anchors]).mean()


def matryoshka(vectors: Tensor, together: Tensor, dims: Sequence[int]) -> Tensor:
    """Sum of `ranking` over the first `dim` numbers of every vector, for each of `dims`."""
    return torch.stack([ranking(vectors[:, :dim], together) for dim in dims]).sum()
