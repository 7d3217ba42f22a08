"""The unit vector of every text of every channel: under one model, or as a training last saw it.

Encoding is the costly part, so it is done once a model. Evaluation and index read that file and run
no encoder; the next stage begins with what its forerunner remembered.
"""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from .. import checkpoint, files
from ..errors import BadInput
from .taxonomy import CHANNELS
from .texts import ChannelTexts, fingerprint, require_same

TextVectors = list[NDArray[np.float32]]  # (t, d) by channel
ENCODED, REMEMBERED = "naics vectors", "naics memory"


def save(path: Path, vectors: TextVectors, texts: list[ChannelTexts], model: Path | None, kind: str = ENCODED) -> None:
    """`model` is the checkpoint whose adapters made them; None is the frozen base."""
    about = {"kind": kind, "texts": fingerprint(texts), "model_sha256": _hash(model)}
    checkpoint.save(path, {name: torch.from_numpy(own) for name, own in zip(CHANNELS, vectors)}, about)


def load(path: Path, texts: list[ChannelTexts], model: Path | None, kind: str = ENCODED) -> TextVectors:
    """BadInput when they are of other texts, made by another checkpoint, or of another kind."""
    tensors, about = checkpoint.load(path, kind)
    require_same(texts, about, path)
    if about.get("model_sha256") != _hash(model):
        raise BadInput(f"{path}: made by another model, expected {model or 'the frozen base'}")
    return [tensors[name].numpy() for name in CHANNELS]


def _hash(model: Path | None) -> str | None:
    return files.sha256(model) if model else None
