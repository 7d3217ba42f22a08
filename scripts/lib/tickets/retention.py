"""What training must not lose: texts of no domain keep the vectors that the base gives them.

Learning without forgetting (Li and Hoiem 2017, 1606.09282) by vectors, and without a text of a foreign domain:
sequences of random words call up enough of what a language model knows to copy it (Krishna et al.
2020, 1910.12366). The domain that is probed for forgetting stays unseen.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .. import seeds
from . import frozen
from .model import TicketEncoder

Rows = NDArray[np.integer]
POOL = 2048  # texts, held by turns
WORDS = (2, 8)  # of a text, the fewest and the most
SHORTEST = 3  # letters of a word; what is shorter is mostly part of one


@dataclass(frozen=True)
class Knobs:
    """How firmly the base's vectors are held; a retention of 0 lets them go."""

    retention: float = 0.0  # weight of the mean cosine distance from them, beside the ranking loss
    retention_batch: int = 64  # texts held at a step


class Retention:
    """Texts of random words and the unit vectors `(POOL, d)` that an encoder has for them before it learns."""

    def __init__(self, encoder: TicketEncoder, tokenizer, knobs: Knobs, seed: int) -> None:
        self.knobs, self.seed = knobs, seed
        self.texts = frozen.freeze(encoder, tokenizer, random_texts(tokenizer, POOL, seed))
        self.held = torch.from_numpy(self.texts.encode())

    def rows(self, step: int) -> Rows:
        """The texts of a step, `(retention_batch,)`, each drawn once in a pass through all."""
        return seeds.shuffled_epochs(POOL, self.knobs.retention_batch, self.seed, "retention", step)

    def loss_of(self, rows: Rows) -> Callable[[Tensor], Tensor]:
        """A function of the vectors `(b, d)` of `rows`: the weighted mean of their cosine distance from those held."""

        def loss(vectors: Tensor) -> Tensor:
            held = self.held[torch.from_numpy(rows)].to(vectors.device)
            return self.knobs.retention * (1 - (vectors * held).sum(dim=1)).mean()

        return loss


def hold(encoder: TicketEncoder, tokenizer, knobs: Knobs, seed: int) -> Retention | None:
    """The retention of an encoder whose adapters are new; None when it is to be 0."""
    return Retention(encoder, tokenizer, knobs, seed) if knobs.retention else None


def random_texts(tokenizer, n: int, seed: int) -> list[str]:
    """n texts of a few words each, drawn from the tokenizer's vocabulary."""
    words = np.array(sorted(filter(_is_word, tokenizer.get_vocab())))
    rng = seeds.generator(seed, "retention texts")
    sizes = rng.integers(WORDS[0], WORDS[1] + 1, n)
    return [" ".join(rng.choice(words, size)) for size in sizes]


def _is_word(token: str) -> bool:
    return len(token) >= SHORTEST and token.isascii() and token.isalpha()
