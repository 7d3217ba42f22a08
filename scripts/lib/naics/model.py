"""The NAICS model: adapted encoders of four channels over a frozen base, and the head."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import nn

from .. import checkpoint, encoders, seeds
from ..adapters import Lora
from ..encoders import Encoder
from ..errors import BadInput
from . import bank, head
from .channels import ChannelEncoders
from .head import Head, Shape


class NaicsModel(nn.Module):
    """Channel encoders and head; with LoRA rank 0 the head alone, on what the base says."""

    def __init__(self, shape: Shape, base: Encoder) -> None:
        super().__init__()
        lora = Lora(shape.cut, shape.r, shape.lora_alpha, shape.lora_dropout, shape.target_modules)
        self.shape = shape
        self.encoders = ChannelEncoders(base, lora, shape.shared_encoder) if shape.r else None
        self.head = Head(shape, base.config.hidden_size)
        self._frozen = bank.upper(base, shape.cut)

    @property
    def encode(self) -> bank.Encode:
        """From states at the cut to vectors, as inference needs it: without gradient to the adapters."""
        return self.encoders.merged() if self.encoders else self._frozen


def start(shape: Shape, previous: Path | None, seed: int) -> tuple[Any, Encoder, NaicsModel]:
    """(tokenizer, frozen base, model): new weights, a function of the seed, or those of a checkpoint of this shape."""
    if previous:
        tokenizer, base, model = load(previous)
        if model.shape != shape:
            differing = [name for name, value in asdict(shape).items() if asdict(model.shape)[name] != value]
            raise BadInput(f"{previous}: has another {differing[0]} than this stage, expected one model throughout")
        return tokenizer, base, model
    tokenizer, base = encoders.load(shape.encoder, "naics.encoder.encoder")
    seeds.seed_torch(seed, "initial weights")
    return tokenizer, base, NaicsModel(shape, base)


def save(path: Path, model: NaicsModel, about: dict[str, Any]) -> None:
    """What training may change, and the shape to rebuild the rest; the base is named, not stored."""
    checkpoint.save(path, checkpoint.trainable(model), {**about, "kind": "naics", "shape": asdict(model.shape)})


def load(path: Path) -> tuple[Any, Encoder, NaicsModel]:
    """(tokenizer, frozen base, model) of a checkpoint."""
    tensors, shape, _ = head.read(path)
    tokenizer, base, model = start(shape, None, seed=0)
    checkpoint.restore(model, tensors, str(path))
    return tokenizer, base, model.eval()
