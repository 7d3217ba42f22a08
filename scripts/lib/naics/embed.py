"""Points of codes and of descriptions under a model's present weights."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .bank import TextBank
from .features import CodeFeatures, query_features, unit_vectors
from .model import NaicsModel
from .texts import QUERY_CHANNEL, ChannelTexts

Rows = NDArray[np.int64]


@torch.no_grad()
def embed_codes(model: NaicsModel, bank: TextBank, texts: list[ChannelTexts]) -> Tensor:
    """Points of all codes in taxonomy order, float64."""
    features, present = CodeFeatures(bank, model.encoders, texts).gather(np.arange(texts[0].members.shape[0]))
    return model.head(features, present)[0]


@torch.no_grad()
def embed_descriptions(model: NaicsModel, bank: TextBank, rows: Rows) -> Tensor:
    """Points of texts of the examples channel, each as a description alone, float64, in the order given."""
    distinct, back = np.unique(rows, return_inverse=True)
    vectors = unit_vectors(bank, model.encoders, QUERY_CHANNEL, distinct)
    return model.head(*query_features(vectors[torch.from_numpy(back)]))[0]
