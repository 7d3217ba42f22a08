"""How far predictions are from measured correlations, with intervals that know that pairs share contracts.

A pair has two members, and every pair of an event moves with it, so the bootstrap draws events: a pair counts as often
as the event of one member was drawn times the event of the other (Davezies, D'Haultfoeuille and Guyonvarch 2021,
dyadic data); a pair within an event as often as that event. All systems share the draws: differences are paired.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import metrics
from .dataset import CLOSE

Array = NDArray[np.floating]
LEAST = 3  # distinct pairs that a draw must hold


@dataclass(frozen=True)
class Judge:
    """The truth `(n,)` and how often each pair is drawn, `(1 + r, n)`; the first row counts every pair once."""

    truth: Array
    weights: Array

    def entries(self, systems: dict[str, Array], slice_name: str) -> list[dict[str, Any]]:
        """MAE, RMSE, R2 and accuracy; the first of `systems` (predictions `(n,)`) is the model."""
        measures = {"mae": self.mae, "rmse": self.rmse, "r2": self.r2, "accuracy_within_0.2": self.accuracy}
        return [
            self.entry(metric, slice_name, {name: measure(told) for name, told in systems.items()})
            for metric, measure in measures.items()
        ]

    def entry(self, metric: str, slice_name: str, values: dict[str, Array]) -> dict[str, Any]:
        """An entry of metrics.json from `(1 + r,)` values of each system."""
        table = np.stack(list(values.values()), axis=1)  # (1 + r, systems)
        return metrics.entry(metric, slice_name, len(self.truth), table[0], table[1:], list(values)[1:])

    def mean(self, values: Array) -> Array:
        """Weighted means, `(n,)` to `(1 + r,)`."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.weights @ values / self.weights.sum(axis=1)

    def mae(self, told: Array) -> Array:
        """Mean absolute error, `(n,)` to `(1 + r,)`."""
        return self.mean(np.abs(told - self.truth))

    def rmse(self, told: Array) -> Array:
        """Root mean squared error, `(n,)` to `(1 + r,)`."""
        return np.sqrt(self.mean((told - self.truth) ** 2))

    def r2(self, told: Array) -> Array:
        """1 - squared error / variance of the drawn pairs' truth: on the same draw a lead in R2 is a lead in RMSE."""
        variance = self.mean(self.truth**2) - self.mean(self.truth) ** 2
        with np.errstate(invalid="ignore", divide="ignore"):
            return 1 - self.mean((told - self.truth) ** 2) / variance

    def accuracy(self, told: Array) -> Array:
        """Share of predictions within 0.2 of the truth."""
        return self.mean((np.abs(told - self.truth) <= CLOSE).astype(np.float64))


def judge(truth: Array, a_events: NDArray, b_events: NDArray, seed: int) -> Judge:
    """Draws with fewer than LEAST distinct pairs (one event, drawn over and over) measure nothing and are left out."""
    names, member = np.unique(np.concatenate([a_events, b_events]), return_inverse=True)
    a, b = np.split(member, 2)
    drawn = metrics.group_weights(len(names), seed)  # (r, events)
    weights = np.where(a == b, drawn[:, a], drawn[:, a] * drawn[:, b])  # (r, n)
    enough = (weights > 0).sum(axis=1) >= min(LEAST, len(truth))
    return Judge(truth, np.concatenate([np.ones((1, len(truth))), weights[enough]]))


def calibration(confidences: Array, right: Array, bins: int = 5) -> list[dict[str, float]]:
    """Groups from the least to the most confident: mean confidence, share that was right, pairs.

    As equally large as can be, for equal confidences stay together.
    """
    edges = np.unique(np.quantile(confidences, np.arange(1, bins) / bins))
    group = np.searchsorted(edges, confidences, side="left")
    rows = [np.flatnonzero(group == one) for one in np.unique(group)]
    return [
        {"confidence": float(confidences[at].mean()), "right": float(right[at].mean()), "pairs": len(at)} for at in rows
    ]
