"""The hybrid loss: cross-entropy of the answer's tokens plus a weight times a regression loss of the expected number.

The original took the number by argmax out of generated text, which has no gradient: its "CE + 10 MSE" trained
exactly as CE. Here the number is the expected value of the number tokens (lib.correlation.numbers), so both terms
reach the logits.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import BadInput

IGNORED = -100  # label of a position that is not part of the answer
PARTS = ("generation_loss", "regression_loss", "total_loss")
REGRESSIONS = {"mse": F.mse_loss, "mae": F.l1_loss, "huber": lambda x, y: F.huber_loss(x, y, delta=0.2)}


@dataclass(frozen=True)
class Loss:
    """generation_loss + regression_loss_weight * regression_loss; a weight of 0 trains by cross-entropy alone."""

    regression_loss_weight: float = 10.0
    regression_loss_type: str = "mse"

    def __post_init__(self) -> None:
        if self.regression_loss_type not in REGRESSIONS:
            known = ", ".join(REGRESSIONS)
            raise BadInput(f"regression_loss_type {self.regression_loss_type!r}: expected one of {known}")

    def __call__(self, generation: Tensor, expected: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """PARTS from a scalar cross-entropy, expected correlations `(..., b)` and true ones `(b,)`."""
        regression = REGRESSIONS[self.regression_loss_type](expected, truth.expand_as(expected))
        total = generation + self.regression_loss_weight * regression
        return dict(zip(PARTS, (generation, regression, total)))


def generation(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy over the answer's tokens, `(b, l, v)` and `(b, l)`; IGNORED labels do not count."""
    exact = logits.to(torch.promote_types(logits.dtype, torch.float32))  # never in half precision
    return F.cross_entropy(exact.flatten(0, 1), labels.flatten(), ignore_index=IGNORED)
