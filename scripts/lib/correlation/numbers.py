"""The number of an answer as tokens with known values, so that a model's logits are a distribution over numbers.

A correlation r in [-1, 1] is written as a fixed-width score in front of everything else in the answer. Two ways,
by what the tokenizer has:

    one token     000 .. 200 = round(100 r) + 100: one position of 201 tokens (tokenizers like Llama 3's)
    two digits    00 .. 99 = round(49.5 (r + 1)): a digit, and a second one given the first (Gemma, Qwen, SmolLM)

The expected value sum_k p_k v_k is differentiable in the logits (Lukasik et al. 2024, RAIL, 2403.04182). It is taken
over whole scores: the sum of each digit's own expectation is another number, because the second digit depends on
the first.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import BadInput

DIGITS = 10


@dataclass(frozen=True)
class Numbers:
    """The tokens of every position and the value of every score.

    tokens  (p, c) int64   ids of the c tokens a position may hold: (1, 201) or (2, 10)
    values  (s,) float32   the correlation of every score, rising: 201 or 100 of them
    """

    tokens: Tensor
    values: Tensor

    @property
    def positions(self) -> int:
        return len(self.tokens)

    def score(self, correlation: NDArray[np.floating] | Tensor) -> Tensor:
        """The nearest score of each correlation, `(n,)` to `(n,)` int64."""
        share = (torch.as_tensor(correlation, dtype=torch.float64) + 1) / 2
        return (share * (len(self.values) - 1)).round().long()

    def classes(self, score: Tensor) -> Tensor:
        """What stands at each position, `(n,)` scores to `(n, p)` columns of `tokens`."""
        return score[:, None] if self.positions == 1 else torch.stack([score // DIGITS, score % DIGITS], dim=1)

    def ids(self, score: Tensor) -> list[list[int]]:
        """The tokens that write each score, `(n,)` to n lists of p."""
        return self.tokens.gather(1, self.classes(score).T).T.tolist()

    def to(self, device: torch.device | str) -> "Numbers":
        return Numbers(self.tokens.to(device), self.values.to(device))

    def texts(self) -> list[str]:
        """Every score as it is written."""
        width = 3 if self.positions == 1 else 2
        return [f"{score:0{width}d}" for score in range(len(self.values))]

    def taught(self, logits: Tensor, classes: Tensor) -> Tensor:
        """Expected correlation while the true digits are fed, `(b, p, c)` logits to `(b,)`.

        With two digits the second's distribution is known after the true first digit only; after the others it
        counts with the middle of their ten scores. Gradient reaches every logit.
        """
        chance = logits.softmax(dim=-1)
        if self.positions == 1:
            return chance[:, 0] @ self.values
        decades = self.values.view(DIGITS, DIGITS)  # (first digit, second digit)
        first = classes[:, 0]
        within = (chance[:, 1] * decades[first]).sum(dim=1)  # (b,)
        means = decades.mean(dim=1).expand(len(first), -1).scatter(1, first[:, None], within[:, None])
        return (chance[:, 0] * means).sum(dim=1)

    def joint(self, first: Tensor, second: Tensor | None = None) -> Tensor:
        """Chance of every score, `(b, s)`: from `(b, c)` logits, and with two digits `(b, 10, 10)` after each first."""
        chance = first.softmax(dim=-1)
        return chance if second is None else (chance[:, :, None] * second.softmax(dim=-1)).flatten(1)


def single(tokens: list[int] | None = None) -> Numbers:
    """Scores of one token each; without ids the tokens are the scores themselves."""
    ids = torch.arange(201) if tokens is None else torch.tensor(tokens)
    return Numbers(ids[None], torch.linspace(-1, 1, 201))


def of(tokenizer: Any) -> Numbers:
    """The way this tokenizer writes numbers: one token for each of 000 .. 200, else one for each digit."""
    whole = [tokenizer.encode(f"{score:03d}", add_special_tokens=False) for score in range(201)]
    if all(len(ids) == 1 for ids in whole) and len({ids[0] for ids in whole}) == len(whole):
        return single([ids[0] for ids in whole])
    digits = [tokenizer.convert_tokens_to_ids(str(digit)) for digit in range(DIGITS)]
    if len({*digits}) < DIGITS:
        raise BadInput("correlation.model.model: its tokenizer has no token for each digit, expected one for numbers")
    return Numbers(torch.tensor([digits, digits]), torch.linspace(-1, 1, DIGITS**2))


@dataclass(frozen=True)
class Distribution:
    """Chances of scores `(n, s)` and their values `(s,)`: everything that is said of a number comes from here."""

    chances: NDArray[np.float64]
    values: NDArray[np.float64]

    @property
    def mean(self) -> NDArray[np.float64]:
        """Expected value, `(n,)`."""
        return self.chances @ self.values

    @property
    def deviation(self) -> NDArray[np.float64]:
        """Standard deviation, `(n,)`."""
        return np.sqrt(np.maximum(self.chances @ self.values**2 - self.mean**2, 0.0))

    @property
    def mode(self) -> NDArray[np.float64]:
        """Value of the likeliest score, `(n,)`: what argmax decoding reads."""
        return self.values[self.chances.argmax(axis=1)]

    def rmse(self, truth: NDArray[np.float64]) -> float:
        """Root mean squared error of the expected values, with correlations `(n,)`."""
        return float(np.sqrt(((self.mean - truth) ** 2).mean()))

    def within(self, radius: float) -> NDArray[np.float64]:
        """Chance of being within `radius` of the mean, `(n,)`."""
        near = abs(self.values - self.mean[:, None]) <= radius
        return (self.chances * near).sum(axis=1)
