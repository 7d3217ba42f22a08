"""The ticket encoder: a sentence encoder with LoRA inside, and a linear head behind it."""

from collections.abc import Callable, Iterable, Sequence
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
MAX_TOKENS = 4096  # of a batch that needs no gradient


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
    """What stands behind the layers: a mixture of their mean states, and an affine map of it at length 1.

    weight `(d, d)`, bias `(d,)`; `lower` is what the mixture takes of each state before the last layer's.
    """

    weight: Tensor
    bias: Tensor
    lower: float = 0.0

    def __call__(self, last: Tensor, below: Tensor) -> Tensor:
        """Mean states of the last layer and the sum of those before it, `(b, d)` each, to unit vectors `(b, d)`."""
        mixed = F.normalize(last + self.lower * below, dim=1)
        return F.normalize(mixed @ self.weight.to(mixed.device) + self.bias.to(mixed.device), dim=1)


class TicketEncoder(nn.Module):
    """Adapters in the layers above the cut; everything else is the frozen base, which is not a submodule.

    `head` is found before training and after it; without it the vectors are the last layer's mean states at length 1.
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
        return self.above(*self.up_to_cut(ids))

    @torch.no_grad()
    def up_to_cut(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """The layers below the cut, which are never trained: ids `(b, l)` to what `climb` returns."""
        return climb(self.base, self.base.encoder.layer[: self.shape.cut], self.base.embeddings(input_ids=ids))

    def above(self, hidden: Tensor, below: Tensor) -> Tensor:
        """What `up_to_cut` returns to unit vectors `(b, d)`."""
        hidden, between = climb(self.base, self.layers, hidden)
        return vectors_of(encoders.mean_pool(hidden).float(), (below + between).float(), self.head)


def start(shape: Shape, seed: int) -> tuple[Any, TicketEncoder]:
    """(tokenizer, encoder whose adapters are new, a function of the seed)."""
    tokenizer, base = encoders.load(shape.encoder, "tickets.encoder.encoder")
    seeds.seed_torch(seed, "initial weights")
    return tokenizer, TicketEncoder(shape, base)


def fitting(dims: Sequence[int], width: int) -> tuple[int, ...]:
    """The model's own width and those of `dims` below it, from the largest."""
    return tuple(sorted({width, *(dim for dim in dims if dim < width)}, reverse=True))


def climb(base: Encoder, layers: Iterable[nn.Module], hidden: Tensor) -> tuple[Tensor, Tensor]:
    """Run layers over unpadded rows `(b, l, d)`: what the last gives, and the sum of mean states before it `(b, d)`."""
    below = torch.zeros(len(hidden), hidden.shape[-1], device=hidden.device)
    for layer in layers:
        below = below + encoders.mean_pool(hidden)
        hidden = encoders.run_layers(base, [layer], hidden)
    return hidden, below


def vectors_of(last: Tensor, below: Tensor, head: Head | None) -> Tensor:
    """Mean states of the last layer and the sum of those before it, `(b, d)` each, to unit vectors `(b, d)`."""
    return F.normalize(last, dim=1) if head is None else head(last, below)


@torch.no_grad()
def pooled(base: Encoder, rows: Tokens) -> tuple[Tensor, Tensor]:
    """What `vectors_of` starts from, `(n, d)` each, by the encoder as it stands, adapters included; unpadded."""
    last, below = torch.empty(2, len(rows), base.config.hidden_size)
    for batch in encoders.length_batches(rows.lengths, MAX_TOKENS):
        hidden = base.embeddings(input_ids=rows.batch(batch).to(base.device))
        hidden, under = climb(base, base.encoder.layer, hidden)
        last[batch], below[batch] = encoders.mean_pool(hidden).cpu(), under.cpu()
    return last, below


def encode(base: Encoder, rows: Tokens, head: Head | None = None) -> Matrix:
    """Unit vectors `(n, d)`."""
    return vectors_of(*pooled(base, rows), head).numpy()


def encoder_of(name: str, shape: Shape, head: Head | None = None) -> Encode:
    """Texts to unit vectors by an encoder as it stands on disk or under a name, cut at the shape's length."""
    tokenizer, base = encoders.load(name, "tickets.encoder.encoder")
    return lambda texts: encode(base, tokenize(tokenizer, texts, shape), head)


def unit(vectors: Matrix, dim: int) -> Matrix:
    """The first `dim` numbers of every vector, scaled to length 1: `(n, d)` to `(n, dim)`."""
    return F.normalize(torch.from_numpy(np.ascontiguousarray(vectors[:, :dim])), dim=1).numpy()


def tokenize(tokenizer, texts: Sequence[str], shape: Shape) -> Tokens:
    return tokens.tokenize(tokenizer, texts, shape.max_length)
