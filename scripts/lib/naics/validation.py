"""The score that chooses a checkpoint: MRR of validation descriptions over all six-digit codes."""

from collections.abc import Callable

import numpy as np
import torch

from .. import metrics
from .bank import TextBank
from .dataset import Dataset
from .embed import embed_codes, embed_descriptions
from .model import NaicsModel


def scorer(model: NaicsModel, bank: TextBank, data: Dataset) -> Callable[[], float]:
    """A function of the model's present weights; held-out families are left out, they judge generalisation."""
    texts, codes = data.role("validation", trained_only=True)
    rows = data.query_rows(texts)
    leaves = np.flatnonzero(data.taxonomy.level == 6)
    truth = np.searchsorted(leaves, codes)

    def score() -> float:
        vectors = bank.encode_all(model.encode)
        points = embed_codes(model.head, vectors, data.texts)[torch.from_numpy(leaves)]
        scores = model.head.geometry.scores(embed_descriptions(model.head, vectors, rows), points)
        return float(metrics.reciprocal_rank(metrics.rank_of_truth(scores.cpu().numpy(), truth)).mean())

    return score
