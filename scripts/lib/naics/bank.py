"""What the frozen base says of every text, computed once: token ids, states at the cut, raw vectors.

Training and evaluation only run the layers above the cut. At `cut` 0 no states are kept (they
would be the embeddings), and the ids are run through every layer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .. import checkpoint, encoders
from ..encoders import Encoder
from ..errors import BadInput
from ..tokens import Tokens
from .taxonomy import CHANNELS
from .texts import ChannelTexts, fingerprint

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class FrozenTexts:
    """One channel's texts as the base sees them.

    tokens   t rows of ids
    vectors  (t, d) float32, mean-pooled, the raw baseline
    states   (total tokens, d) float16 at the cut, or None
    """

    tokens: Tokens
    vectors: Tensor
    states: Tensor | None


def freeze(base: Encoder, tokens: Tokens, cut: int, max_tokens: int = 4096) -> FrozenTexts:
    """Run every text through the base once."""
    layers, width = base.encoder.layer, base.config.hidden_size
    vectors = torch.empty(len(tokens), width)
    states = torch.empty(len(tokens.ids), width, dtype=torch.float16) if cut else None
    for rows in encoders.length_batches(tokens.lengths, max_tokens):
        lower = encoders.lower_states(base, tokens.batch(rows).to(base.device), cut)
        if states is not None:
            states[tokens.positions(rows)] = lower.half().cpu()
        with torch.no_grad():
            vectors[rows] = encoders.mean_pool(encoders.run_layers(base, layers[cut:], lower)).cpu()
    return FrozenTexts(tokens, vectors, states)


class TextBank:
    """The frozen texts of all channels, and the one way to encode some of them with the adapters."""

    def __init__(self, channels: list[FrozenTexts], base: Encoder, cut: int) -> None:
        self.channels, self.base, self.cut = channels, base, cut

    def encode(
        self, encode: Callable[[Tensor, int], Tensor] | None, channel: int, rows: Rows, max_tokens: int = 4096
    ) -> Tensor:
        """Vectors of distinct rows, `(m,)` to `(m, d)`: unpadded, each once, in the order given.

        `encode` is the adapted upper layers; None takes the frozen base's vectors.
        """
        if encode is None:
            return self.channels[channel].vectors[rows].to(self.base.device)
        lengths = self.channels[channel].tokens.lengths[rows]
        batches = list(encoders.length_batches(lengths, max_tokens))
        parts = [encode(self.hidden(channel, rows[batch]), channel) for batch in batches]
        order = np.argsort(np.concatenate(batches), kind="stable") if batches else np.array([], dtype=np.int64)
        return torch.cat(parts)[torch.from_numpy(order)] if parts else torch.empty(0, self.base.config.hidden_size)

    def hidden(self, channel: int, rows: Rows) -> Tensor:
        """States at the cut of rows of one common length, `(b,)` to `(b, l, d)`."""
        texts = self.channels[channel]
        if texts.states is None:
            return encoders.lower_states(self.base, texts.tokens.batch(rows).to(self.base.device), self.cut)
        return texts.states[texts.tokens.positions(rows)].float().to(self.base.device)


def save(path: Path, channels: list[FrozenTexts], about: dict[str, object]) -> None:
    tensors = {}
    for name, texts in zip(CHANNELS, channels):
        tensors[f"{name}.ids"] = torch.from_numpy(texts.tokens.ids)
        tensors[f"{name}.offsets"] = torch.from_numpy(texts.tokens.offsets)
        tensors[f"{name}.vectors"] = texts.vectors
        if texts.states is not None:
            tensors[f"{name}.states"] = texts.states
    checkpoint.save(path, tensors, {**about, "kind": "naics texts"})


def load(path: Path, texts: list[ChannelTexts], encoder: str, cut: int) -> list[FrozenTexts]:
    """The frozen form of `texts`; BadInput when it was made of others, by another encoder or at another cut."""
    tensors, about = checkpoint.load(path)
    found = (about.get("kind"), about.get("encoder"), about.get("cut"))
    if found != ("naics texts", encoder, cut):
        raise BadInput(f"{path}: holds {found}, expected texts of encoder {encoder} at cut {cut}")
    if about.get("texts") != fingerprint(texts):
        raise BadInput(f"{path}: made of other texts than those of the data, expected to be made from the same folder")
    return [
        FrozenTexts(
            Tokens(tensors[f"{name}.ids"].numpy(), tensors[f"{name}.offsets"].numpy()),
            tensors[f"{name}.vectors"],
            tensors.get(f"{name}.states"),
        )
        for name in CHANNELS
    ]
