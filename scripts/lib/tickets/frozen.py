"""Texts as the frozen lower layers leave them, computed once: what the head, training and validation start from.

Training sees most texts several times and changes only the layers above the cut. At `cut` 0 nothing is
kept (it would be the embeddings), and ids go through every layer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .. import encoders
from ..tokens import Tokens
from . import model
from .model import TicketEncoder

Matrix = NDArray[np.float32]
Rows = NDArray[np.integer]


@dataclass(frozen=True)
class Frozen:
    """t texts for one encoder: what its `up_to_cut` returns, None where it is not kept.

    states  (total tokens, d) float16 at the cut
    below   (t, d) sums of the mean states before it
    """

    encoder: TicketEncoder
    tokens: Tokens
    states: Tensor | None
    below: Tensor | None

    def vectors(self, rows: Rows) -> Tensor:
        """Unit vectors `(b, d)` of rows `(b,)` of one common length, with a gradient to the adapters."""
        device = self.encoder.base.device
        if self.states is None or self.below is None:
            return self.encoder(self.tokens.batch(rows).to(device))
        states = self.states[self.tokens.positions(rows)].to(device).float()
        return self.encoder.above(states, self.below[rows].to(device))

    @torch.no_grad()
    def encode(self, rows: Rows | None = None) -> Matrix:
        """Unit vectors of some distinct rows, or of all, `(m, d)`: unpadded, in the order given."""
        rows = np.arange(len(self.tokens)) if rows is None else rows
        found = torch.empty(len(rows), self.encoder.base.config.hidden_size)
        for batch in encoders.length_batches(self.tokens.lengths[rows], model.MAX_TOKENS):
            found[batch] = self.vectors(rows[batch]).cpu()
        return found.numpy()


def freeze(encoder: TicketEncoder, tokenizer, texts: Sequence[str]) -> Frozen:
    """Run the texts through the layers below the cut."""
    tokens, width = model.tokenize(tokenizer, texts, encoder.shape), encoder.base.config.hidden_size
    if not encoder.shape.cut:
        return Frozen(encoder, tokens, None, None)
    states, below = torch.empty(len(tokens.ids), width, dtype=torch.float16), torch.empty(len(tokens), width)
    for rows in encoders.length_batches(tokens.lengths, model.MAX_TOKENS):
        hidden, under = encoder.up_to_cut(tokens.batch(rows).to(encoder.base.device))
        states[tokens.positions(rows)], below[rows] = hidden.half().cpu(), under.cpu()
    return Frozen(encoder, tokens, states, below)
