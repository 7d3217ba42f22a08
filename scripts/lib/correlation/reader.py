"""What training and prediction ask of a model that reads pairs: a CausalReader or an EncoderReader."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from .evidence import Evidence
from .numbers import Distribution, Numbers


class Reader(nn.Module, ABC):
    """Turns evidence into chances of scores; `numbers` says what its scores are worth."""

    numbers: Numbers

    @abstractmethod
    def inputs(self, evidence: Evidence) -> Any:
        """What the module reads of each pair: n token lists, or a matrix `(n, f)`."""

    @abstractmethod
    def targets(self, correlations: NDArray[np.floating], reasonings: Sequence[str]) -> list[list[int]]:
        """The tokens of n answers, the number's first."""

    @abstractmethod
    def teach(self, inputs: Any, targets: Sequence[list[int]], scores: Tensor) -> tuple[Tensor, Tensor]:
        """(mean cross-entropy of the answers' tokens, expected correlations `(..., b)`), both with gradient."""

    @abstractmethod
    def read(self, inputs: Any) -> NDArray[np.float64]:
        """Chance of every score, `(n, s)`, in one forward pass."""

    @abstractmethod
    def explain(self, evidence: Evidence, row: int, correlation: float, max_new_tokens: int) -> str:
        """Why the pair in `row` has this correlation, in words that need no escape in JSON."""


def distribution(reader: Reader, evidence: Evidence) -> Distribution:
    """The mean of both orders' chances, so that A and B may change places."""
    chances = reader.read(reader.inputs(evidence.both_orders()))
    return Distribution(
        (chances[: len(evidence)] + chances[len(evidence) :]) / 2, reader.numbers.values.double().numpy()
    )
