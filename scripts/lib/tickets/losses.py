"""What training minimises: in-batch ranking at every prefix of the vectors.

Equal to sentence-transformers' MatryoshkaLoss over MultipleNegativesRankingLoss with its defaults
(scale 20, query to document), but a function of vectors, so that each text is encoded once and
the gradient can be cached. Sources: Henderson et al. 2017 (1705.00652), Kusupati et al. 2022 (2205.13147).
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def ranking(anchors: Tensor, candidates: Tensor, false_negatives: Tensor | None = None, scale: float = 20.0) -> Tensor:
    """Cross-entropy of each anchor's own candidate among all: MultipleNegativesRankingLoss.

    anchors          (b, d)
    candidates       (c, d)   row i is the positive of anchor i, rows from b on are further negatives
    false_negatives  (b, c)   True where a candidate is no negative of the anchor and takes no part
    """
    scores = scale * F.normalize(anchors, dim=1) @ F.normalize(candidates, dim=1).T  # (b, c)
    if false_negatives is not None:
        scores = scores.masked_fill(false_negatives, -torch.inf)
    return F.cross_entropy(scores, torch.arange(len(anchors), device=scores.device))


def matryoshka(
    anchors: Tensor, candidates: Tensor, dims: Sequence[int], false_negatives: Tensor | None = None
) -> Tensor:
    """Sum of `ranking` over the first `dim` numbers of every vector, for each of `dims`."""
    losses = [ranking(anchors[:, :dim], candidates[:, :dim], false_negatives) for dim in dims]
    return torch.stack(losses).sum()
