"""The ticket encoder: a sentence encoder with LoRA inside, and a linear head behind it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from .. import adapters, encoders, seeds, tokens
from ..adapters import Lora
from ..encoders import Encoder
from ..errors import BadInput
from ..tokens import Tokens

Matrix = NDArray[np.float32]
Encode = Callable[[Sequence[str]], Matrix]  # n texts to unit vectors (n, d)


@dataclass(frozen=True)
class Shape:
    """What decides the model; `max_length` in tokens."""

    encoder: str
    max_length: int
    cut: int
    r: int
    lora_alpha: int
    lora_dropout: float
    matryoshka_dims: tuple[int, ...]
    target_modules: tuple[str, ...] | None = None  # None: every linear layer above the cut


class Head(NamedTuple):
    """weight `(d, d)` and bias `(d,)` of an affine map of unit vectors, whose results have length 1 again."""

    weight: Tensor
    bias: Tensor

    def __call__(self, vectors: Tensor) -> Tensor:
        weight, bias = (part.to(vectors.device) for part in self)
        return F.normalize(vectors @ weight + bias, dim=1)


class TicketEncoder(nn.Module):
    """Adapters in the layers above the cut; everything else is the frozen base, which is not a submodule.

    `head` is found before training and maps unit vectors to unit vectors where they leave the encoder.
    """

    def __init__(self, shape: Shape, base: Encoder) -> None:
        super().__init__()
        upper = base.encoder.layer[shape.cut :]
        if not len(upper):
            layers = len(base.encoder.layer)
            raise BadInput(f"tickets.encoder.cut: {shape.cut} leaves no layer to adapt, the encoder has {layers}")
        lora = Lora(shape.cut, shape.r, shape.lora_alpha, shape.lora_dropout, shape.target_modules)
        self.layers = cast(nn.ModuleList, adapters.adapt(upper, lora, "tickets.model.target_modules"))
        self.shape, self.dims = shape, fitting(shape.matryoshka_dims, base.config.hidden_size)
        self._base = [base]
        self.head: Head | None = None

    @property
    def base(self) -> Encoder:
        return self._base[0]

    def forward(self, ids: Tensor) -> Tensor:
        """Unpadded token ids `(b, l)` to unit vectors `(b, d)`."""
        return self.above(encoders.lower_states(self.base, ids, self.shape.cut))

    def above(self, hidden: Tensor) -> Tensor:
        """States at the cut `(b, l, d)` to unit vectors `(b, d)`."""
        vectors = F.normalize(encoders.mean_pool(encoders.run_layers(self.base, self.layers, hidden)).float(), dim=1)
        return vectors if self.head is None else self.head(vectors)


def start(shape: Shape, seed: int) -> tuple[Any, TicketEncoder]:
    """(tokenizer, encoder whose adapters are new, a function of the seed)."""
    tokenizer, base = encoders.load(shape.encoder, "tickets.encoder.encoder")
    seeds.seed_torch(seed, "initial weights")
    return tokenizer, TicketEncoder(shape, base)


def fitting(dims: Sequence[int], width: int) -> tuple[int, ...]:
    """The model's own width and those of `dims` below it, from the largest."""
    return tuple(sorted({width, *(dim for dim in dims if dim < width)}, reverse=True))


def encode(base: Encoder, rows: Tokens, head: Head | None = None) -> Matrix:
    """Unit vectors `(n, d)` by the encoder as it stands, adapters included."""
    vectors = F.normalize(encoders.encode(base, rows), dim=1)
    return (vectors if head is None else head(vectors)).numpy()


def encoder_of(name: str, shape: Shape, head: Head | None = None) -> Encode:
    """Texts to unit vectors by an encoder as it stands on disk or under a name, cut at the shape's length."""
    tokenizer, base = encoders.load(name, "tickets.encoder.encoder")
    return lambda texts: encode(base, tokenize(tokenizer, texts, shape), head)


def unit(vectors: Matrix, dim: int) -> Matrix:
    """The first `dim` numbers of every vector, scaled to length 1: `(n, d)` to `(n, dim)`."""
    return F.normalize(torch.from_numpy(np.ascontiguousarray(vectors[:, :dim])), dim=1).numpy()


def tokenize(tokenizer, texts: Sequence[str], shape: Shape) -> Tokens:
    return tokens.tokenize(tokenizer, texts, shape.max_length)
