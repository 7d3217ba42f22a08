"""What is answered about two contracts: a number, what follows from it, and words on demand.

The type is computed from the number, so the two cannot contradict each other; the confidence is the calibrated
chance that the number is within 0.2 of the truth.
"""

import json
from dataclasses import dataclass

from .dataset import type_of


@dataclass(frozen=True)
class Answer:
    """`interval` holds 90 % of the true correlations of validation pairs, each end in [-1, 1]."""

    underlying_correlation: float
    confidence: float
    interval: tuple[float, float]
    reasoning: str | None = None

    def as_dict(self) -> dict[str, object]:
        """As the API renders it: two decimals, and no `reasoning` where none was asked for."""
        number = round(self.underlying_correlation, 2) + 0.0  # never -0.0
        said: dict[str, object] = {
            "underlying_correlation": number,
            "correlation_type": type_of(number),
            "confidence": round(self.confidence, 2),
            "interval": [round(end, 2) + 0.0 for end in self.interval],
        }
        return said if self.reasoning is None else {**said, "reasoning": self.reasoning}

    def json(self) -> str:
        """`as_dict` on one line."""
        return json.dumps(self.as_dict(), allow_nan=False, ensure_ascii=False)
