"""Pairs of tickets as a system scores them, and what those scores are worth: AUC, Spearman, F1, separability.

The bootstrap draws labels, not pairs: the pairs of a label rise and fall together.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import metrics, two_classes
from .adversarial import Labelled

Array = NDArray[np.floating]
Score = Callable[[Labelled], Array]  # pairs to their similarity (m,)
ALWAYS = "always positive"


@dataclass(frozen=True)
class Judge:
    """Test pairs, validation pairs to choose thresholds on, and the bootstrap's weights of the test pairs."""

    test: Labelled
    validation: Labelled
    weights: Array  # (1 + r, m); the first row counts every pair once

    def entries(self, systems: dict[str, Score], slice_name: str) -> list[dict[str, Any]]:
        """Entries of metrics.json; the first system is the model, the others its baselines."""
        scored = {name: score(self.test) for name, score in systems.items()}
        labels = self.test.label
        measures = {
            "roc_auc": two_classes.roc_auc,
            "spearman": two_classes.spearman,
            "mean_difference": two_classes.mean_difference,
            "cohens_d": two_classes.cohens_d,
        }
        entries = [
            self._entry(metric, slice_name, {name: measure(s, labels, self.weights) for name, s in scored.items()})
            for metric, measure in measures.items()
        ]
        return [*entries, self._f1(systems, scored, slice_name)]

    def auc(self, systems: dict[str, Score], slice_name: str) -> dict[str, Any]:
        """ROC-AUC alone."""
        labels = self.test.label
        values = {name: two_classes.roc_auc(score(self.test), labels, self.weights) for name, score in systems.items()}
        return self._entry("roc_auc", slice_name, values)

    def _f1(self, systems: dict[str, Score], scored: dict[str, Array], slice_name: str) -> dict[str, Any]:
        """F1 of each system at its own threshold, and of taking every pair for a positive."""
        values = {}
        for name, score in systems.items():
            threshold = two_classes.best_threshold(score(self.validation), self.validation.label)
            values[name] = two_classes.f1(scored[name] >= threshold, self.test.label, self.weights)
        everything = np.ones(len(self.test.label), dtype=bool)
        values[ALWAYS] = two_classes.f1(everything, self.test.label, self.weights)
        return self._entry("f1", slice_name, values)

    def _entry(self, metric: str, slice_name: str, values: dict[str, Array]) -> dict[str, Any]:
        table = np.stack(list(values.values()), axis=1)  # (1 + r, systems)
        return metrics.entry(metric, slice_name, len(self.test.label), table[0], table[1:], list(values)[1:])


def judge(test: Labelled, validation: Labelled, groups: NDArray[np.integer], seed: int) -> Judge:
    """`groups` `(n,)` is the label of every ticket; a pair is drawn with the label of its left one."""
    labels, member = np.unique(groups[test.left], return_inverse=True)
    draws = metrics.group_weights(len(labels), seed)[:, member]
    return Judge(test, validation, np.concatenate([np.ones((1, len(member))), draws]))
