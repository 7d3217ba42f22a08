"""What the frozen lower layers say of every text, computed once: token ids, and states at the cut.

Training only runs the layers above the cut. At `cut` 0 no states are kept (they would be the
embeddings), and the ids are run through every layer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from .. import checkpoint, encoders, parallel
from ..encoders import Encoder
from ..errors import BadInput
from ..tokens import Tokens
from .taxonomy import CHANNELS
from .texts import ChannelTexts, require_same

Rows = NDArray[np.int64]
Encode = Callable[[Tensor, int], Tensor]  # states at the cut (b, l, d) and a channel to vectors (b, d)


@dataclass(frozen=True)
class FrozenTexts:
    """One channel's texts as the frozen layers see them.

    tokens   t rows of ids
    states   (total tokens, d) float16 at the cut; None where they are not kept
    """

    tokens: Tokens
    states: Tensor | None = None


def freeze(base: Encoder, tokens: Tokens, cut: int, max_tokens: int = 4096) -> tuple[FrozenTexts, NDArray[np.float32]]:
    """Run every text through the base once: its states, and its unit vector as the whole base has it, `(t, d)`."""
    width, above = base.config.hidden_size, upper(base, cut)
    vectors = np.empty((len(tokens), width), dtype=np.float32)
    states = torch.empty(len(tokens.ids), width, dtype=torch.float16) if cut else None
    for rows in encoders.length_batches(tokens.lengths, max_tokens):
        lower = encoders.lower_states(base, tokens.batch(rows).to(base.device), cut)
        if states is not None:
            states[tokens.positions(rows)] = lower.half().cpu()
        with torch.no_grad():
            vectors[rows] = F.normalize(above(lower, 0), dim=1).cpu().numpy()
    return FrozenTexts(tokens, states), vectors


def upper(base: Encoder, cut: int) -> Encode:
    """The base's own layers above the cut, the same for every channel: what adapters start from."""
    return lambda hidden, _: encoders.mean_pool(encoders.run_layers(base, base.encoder.layer[cut:], hidden))


class TextBank:
    """The frozen texts of all channels, and the one way to encode some of them from there."""

    def __init__(self, channels: list[FrozenTexts], base: Encoder, cut: int) -> None:
        self.channels, self.base, self.cut = channels, base, cut

    def encode(self, encode: Encode, channel: int, rows: Rows, max_tokens: int = 4096) -> Tensor:
        """Unit vectors of distinct rows, `(m,)` to `(m, d)`: unpadded, each once, in the order given."""
        lengths = self.channels[channel].tokens.lengths[rows]
        batches = list(encoders.length_batches(lengths, max_tokens))
        if not batches:
            return torch.empty(0, self.base.config.hidden_size, device=self.base.device)

        def one(batch: parallel.Rows) -> Tensor:
            return encode(self._hidden(channel, rows[batch]), channel)

        return F.normalize(parallel.spread(one, batches), dim=1)

    @torch.no_grad()
    def encode_all(self, encode: Encode) -> list[NDArray[np.float32]]:
        """Unit vectors of every text of every channel."""
        every = [np.arange(len(texts.tokens)) for texts in self.channels]
        return [self.encode(encode, channel, rows).cpu().numpy() for channel, rows in enumerate(every)]

    def _hidden(self, channel: int, rows: Rows) -> Tensor:
        """States at the cut of rows of one common length, `(b,)` to `(b, l, d)`."""
        texts = self.channels[channel]
        if texts.states is None:
            return encoders.lower_states(self.base, texts.tokens.batch(rows).to(self.base.device), self.cut)
        return texts.states[texts.tokens.positions(rows)].float().to(self.base.device)


def save(path: Path, channels: list[FrozenTexts], about: dict[str, object]) -> None:
    """Write the channels' token ids and states; `about` holds what `load` checks: encoder, cut and texts."""
    tensors = {}
    for name, texts in zip(CHANNELS, channels):
        tensors[f"{name}.ids"] = torch.from_numpy(texts.tokens.ids)
        tensors[f"{name}.offsets"] = torch.from_numpy(texts.tokens.offsets)
        if texts.states is not None:
            tensors[f"{name}.states"] = texts.states
    checkpoint.save(path, tensors, {**about, "kind": "naics texts"})


def load(path: Path, texts: list[ChannelTexts], base: Encoder, encoder: str, cut: int) -> TextBank:
    """The frozen form of `texts`; BadInput when it was made of others, by another encoder or at another cut."""
    tensors, about = checkpoint.load(path, "naics texts", ["encoder", "cut"])
    if (about["encoder"], about["cut"]) != (encoder, cut):
        raise BadInput(f"{path}: encoder {about['encoder']} at cut {about['cut']}, expected {encoder} at cut {cut}")
    require_same(texts, about, path)
    channels = [
        FrozenTexts(
            Tokens(tensors[f"{name}.ids"].numpy(), tensors[f"{name}.offsets"].numpy()), tensors.get(f"{name}.states")
        )
        for name in CHANNELS
    ]
    return TextBank(channels, base, cut)
