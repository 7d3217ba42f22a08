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
MAX_TOKENS = 4096  # of a batch that needs no gradient


@dataclass(frozen=True)
class Frozen:
    """t texts for one encoder: `states` are `(total tokens, d)` float16 at its cut, None where they are not kept."""

    encoder: TicketEncoder
    tokens: Tokens
    states: Tensor | None

    def vectors(self, rows: Rows) -> Tensor:
        """Unit vectors `(b, d)` of rows `(b,)` of one common length, with a gradient to the adapters."""
        device = self.encoder.base.device
        if self.states is None:
            return self.encoder(self.tokens.batch(rows).to(device))
        return self.encoder.above(self.states[self.tokens.positions(rows)].to(device).float())

    @torch.no_grad()
    def encode(self, rows: Rows | None = None) -> Matrix:
        """Unit vectors of some distinct rows, or of all, `(m, d)`: unpadded, in the order given."""
        rows = np.arange(len(self.tokens)) if rows is None else rows
        found = torch.empty(len(rows), self.encoder.base.config.hidden_size)
        for batch in encoders.length_batches(self.tokens.lengths[rows], MAX_TOKENS):
            found[batch] = self.vectors(rows[batch]).cpu()
        return found.numpy()


def freeze(encoder: TicketEncoder, tokenizer, texts: Sequence[str]) -> Frozen:
    """Run the texts through the layers below the cut."""
    tokens, cut = model.tokenize(tokenizer, texts, encoder.shape), encoder.shape.cut
    if not cut:
        return Frozen(encoder, tokens, None)
    states = torch.empty(len(tokens.ids), encoder.base.config.hidden_size, dtype=torch.float16)
    for rows in encoders.length_batches(tokens.lengths, MAX_TOKENS):
        lower = encoders.lower_states(encoder.base, tokens.batch(rows).to(encoder.base.device), cut)
        states[tokens.positions(rows)] = lower.half().cpu()
    return Frozen(encoder, tokens, states)
