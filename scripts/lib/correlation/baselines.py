"""What must be beaten: predictions that need no training worth the name, fitted on the same training pairs.

Where one has a knob, it is chosen on validation pairs, so that none loses for want of care.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import Ridge

from . import facts
from .dataset import Pairs, Rows
from .titles import TitleVectors, pair_keys, pair_vectors

Array = NDArray[np.floating]
MEAN, ZERO, KNN, RIDGE, BOOSTING = "train mean", "zero", "kNN", "ridge", "boosting on facts"
NEIGHBOURS = (1, 3, 5, 10, 15, 30)
ALPHAS = tuple(np.logspace(-2, 3, 11))
TREES = tuple((depth, rounds) for depth in (1, 2, 3) for rounds in (25, 50, 100, 200))
LEARNING_RATE = 0.05


@dataclass(frozen=True)
class Fold:
    """Rows that teach, rows that choose knobs, rows that judge."""

    train: Rows
    validation: Rows
    judged: Rows


def predict(pairs: Pairs, fold: Fold, titles: TitleVectors, seed: int) -> dict[str, Array]:
    """Predictions `(judged,)` of every baseline by name."""
    mean = pairs.correlations[fold.train].mean()
    a, b = titles(pairs.a_titles), titles(pairs.b_titles)
    return {
        MEAN: np.full(len(fold.judged), mean),
        ZERO: np.zeros(len(fold.judged)),
        KNN: _chosen(pairs, fold, pair_keys(a, b), NEIGHBOURS, _knn),
        RIDGE: _chosen(pairs, fold, pair_vectors(a, b), ALPHAS, _ridge),
        BOOSTING: _chosen(pairs, fold, facts.matrix(pairs.a_titles, pairs.b_titles), TREES, _boosting(seed)),
    }


Fit = Callable[[Array, Array, Array, Any], Array]


def _chosen(pairs: Pairs, fold: Fold, features: Array, knobs: Sequence[Any], fit: Fit) -> Array:
    """The predictions of that knob whose squared error on validation is the least; the first of equals."""

    def at(rows: Rows, knob: Any) -> Array:
        return np.clip(fit(features[fold.train], pairs.correlations[fold.train], features[rows], knob), -1, 1)

    truth = pairs.correlations[fold.validation]
    errors = [float(np.mean((at(fold.validation, knob) - truth) ** 2)) for knob in knobs]
    return at(fold.judged, knobs[int(np.argmin(errors))])


def _knn(x: Array, y: Array, asked: Array, k: int) -> Array:
    """Mean correlation of the k nearest training pairs, by L2."""
    distances = (asked**2).sum(1)[:, None] - 2 * asked @ x.T + (x**2).sum(1)[None]
    nearest = np.argsort(distances, axis=1, kind="stable")[:, : int(k)]
    return y[nearest].mean(axis=1)


def _ridge(x: Array, y: Array, asked: Array, alpha: float) -> Array:
    return Ridge(alpha=alpha).fit(x, y).predict(asked)


def _boosting(seed: int) -> Fit:
    def fit(x: Array, y: Array, asked: Array, knob: tuple[int, int]) -> Array:
        depth, rounds = knob
        trees = GradientBoostingRegressor(
            max_depth=depth, n_estimators=rounds, learning_rate=LEARNING_RATE, random_state=seed
        )
        return trees.fit(x, y).predict(asked)

    return fit
