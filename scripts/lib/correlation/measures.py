"""How far predicted correlations are from the true ones."""

import numpy as np
from numpy.typing import NDArray

from .dataset import CLOSE, SPLITS, Pairs
from .model import CorrelationModel
from .scores import Judge

Array = NDArray[np.float64]


def errors(predicted: Array, truth: Array) -> dict[str, float]:
    """mae, rmse, r2 and accuracy_within_0.2 of `(n,)` correlations."""
    judge = Judge(truth, np.ones((1, len(truth))))
    named = {"mae": judge.mae, "rmse": judge.rmse, "r2": judge.r2, f"accuracy_within_{CLOSE}": judge.accuracy}
    return {"pairs": len(truth)} | {name: float(measure(predicted)[0]) for name, measure in named.items()}


def of_splits(model: CorrelationModel, pairs: Pairs, disjoint: bool) -> dict[str, dict[str, float]]:
    """`errors` on the train, validation and test pairs of either split."""
    found = {}
    for split in SPLITS:
        rows = pairs.rows(split, disjoint)
        found[split] = errors(model.predict(*pairs.asked(rows)).numbers, pairs.correlations[rows])
    return found
