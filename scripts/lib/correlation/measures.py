"""How far predicted correlations are from the true ones."""

import numpy as np
from numpy.typing import NDArray

from .answer import CLOSE
from .dataset import SPLITS, Pairs
from .model import CorrelationModel

Array = NDArray[np.float64]


def errors(predicted: Array, truth: Array) -> dict[str, float]:
    """mae, rmse, r2 and accuracy_within_0.2 of `(n,)` correlations; r2 is against the mean of these very ones."""
    off = predicted - truth
    spread = ((truth - truth.mean()) ** 2).sum()
    return {
        "mae": float(abs(off).mean()),
        "rmse": float(np.sqrt((off**2).mean())),
        "r2": float(1 - (off**2).sum() / spread) if spread else 0.0,
        f"accuracy_within_{CLOSE}": float((abs(off) <= CLOSE).mean()),
        "pairs": len(truth),
    }


def of_splits(model: CorrelationModel, pairs: Pairs) -> dict[str, dict[str, float]]:
    """`errors` on the train, validation and test pairs of the split by contracts and events."""
    found = {}
    for split in SPLITS:
        rows = pairs.rows(split)
        columns = ([column[row] for row in rows] for column in (pairs.a_titles, pairs.b_titles, pairs.a, pairs.b))
        found[split] = errors(model.predict(*columns).numbers, pairs.correlations[rows])
    return found
