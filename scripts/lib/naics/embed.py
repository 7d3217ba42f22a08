"""Points of codes and of descriptions, from text vectors: the head alone, no encoder."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .features import CodeFeatures, query_features
from .head import Head
from .text_vectors import TextVectors
from .texts import QUERY_CHANNEL, ChannelTexts

Rows = NDArray[np.int64]


@torch.no_grad()
def embed_codes(head: Head, vectors: TextVectors, texts: list[ChannelTexts]) -> Tensor:
    """Points of all codes in taxonomy order, float64, on the head's device."""
    features = CodeFeatures(vectors, texts, head.empty.device)
    return head(*features.gather(np.arange(texts[0].members.shape[0])))[0]


@torch.no_grad()
def embed_descriptions(head: Head, vectors: TextVectors, rows: Rows) -> Tensor:
    """Points of texts of the examples channel, each as a description alone, float64, in the order given."""
    chosen = torch.from_numpy(vectors[QUERY_CHANNEL][rows]).to(head.empty.device)
    return head(*query_features(chosen))[0]
