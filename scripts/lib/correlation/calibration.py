"""What validation pairs teach about a model's own doubts: how sure it may sound, and how wide its intervals must be.

Two numbers a model gives itself, both from its distribution over scores, are set right on pairs it was not trained on:

    chance of being within 0.2 of the truth  ->  confidence, by isotonic regression with a rule of succession
    standard deviation                       ->  interval that holds 90 %, by split conformal prediction
                                                 (Lei et al. 2018, residuals in units of the deviation)
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from .dataset import CLOSE
from .numbers import Distribution

COVERAGE = 0.9
FLOOR = 0.01  # the step between two scores: no deviation is taken for smaller

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """`claimed` and `found` (k,), both rising: chances as claimed and as they proved; `width` in deviations."""

    claimed: tuple[float, ...]
    found: tuple[float, ...]
    width: float

    def confidences(self, distribution: Distribution) -> Array:
        """Chance that each number is within 0.2 of the truth, `(n,)`."""
        return np.interp(distribution.within(CLOSE), self.claimed, self.found)

    def intervals(self, distribution: Distribution) -> Array:
        """Where 90 % of the true correlations lie, `(n, 2)`, inside [-1, 1]."""
        half = self.width * np.maximum(distribution.deviation, FLOOR)
        return np.clip(distribution.mean[:, None] + half[:, None] * [-1, 1], -1, 1)


def fit(distribution: Distribution, truth: Array) -> Calibration:
    """The calibration that validation pairs `(n,)` ask for."""
    off = abs(distribution.mean - truth)
    residuals = np.sort(off / np.maximum(distribution.deviation, FLOOR))
    place = min(len(residuals), math.ceil(COVERAGE * (len(residuals) + 1)))
    claimed, found = _isotonic(distribution.within(CLOSE), off <= CLOSE)
    return Calibration(claimed, found, float(residuals[place - 1]))


def _isotonic(claimed: Array, hits: NDArray[np.bool_]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean claim and rate of hits, (hits + 1) / (n + 2), of every block of the isotonic fit, both rising."""
    level = IsotonicRegression().fit_transform(claimed, hits.astype(float))
    _, block = np.unique(level, return_inverse=True)
    size = np.bincount(block)
    rates = (np.bincount(block, hits) + 1) / (size + 2)
    return tuple((np.bincount(block, claimed) / size).tolist()), tuple(np.maximum.accumulate(rates).tolist())
