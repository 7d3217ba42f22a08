"""The pairs of one evaluation, what the baselines say of them, and the figures of any system's predictions."""

import numpy as np
from numpy.typing import NDArray

from . import baselines, dataset, scores
from .baselines import Fold
from .dataset import Asked, Pairs, Rows
from .titles import TitleVectors

Array = NDArray[np.floating]
Systems = dict[str, Array]  # predictions (n,) by name, the model's first
Entries = list[dict]
MODEL = "model"
HELD_OUT, RANDOM = "held-out events", "random split"


class Bench:
    """Pairs of `split`: of the split by events, or of the random one when not `disjoint`."""

    def __init__(self, pairs: Pairs, titles: TitleVectors, split: str, seed: int, disjoint: bool = True) -> None:
        self.pairs, self.seed = pairs, seed
        self.rows = pairs.rows(split, disjoint)
        self.fold = Fold(pairs.rows("train", disjoint), pairs.rows("validation", disjoint), self.rows)
        self.baselines = baselines.predict(pairs, self.fold, titles, seed)
        self.truth = pairs.correlations[self.rows]
        self.strata = np.array([pairs.strata[row] for row in self.rows])
        self.judge = self._judge(np.arange(len(self.rows)))
        self.slice = HELD_OUT if disjoint else RANDOM
        self.ceiling: float | None = pairs.source["ceiling"][split if disjoint else f"random {split}"]["all"]

    def asked(self, first: int | None = None) -> Asked:
        """Titles and contract ids of the pairs, or of the first of them, as models read them."""
        return self.pairs.asked(self.rows[:first])

    def errors(self, systems: Systems) -> Entries:
        """MAE, RMSE, R2 and accuracy of all pairs."""
        return self.judge.entries(systems, self.slice)

    def by_stratum(self, systems: Systems) -> Entries:
        """The same of every stratum with a few pairs, but for R2, which would be about the stratum's own mean."""
        entries: Entries = []
        for stratum in dataset.STRATA:
            at = np.flatnonzero(self.strata == stratum)
            if len(at) >= scores.LEAST:
                own = {name: numbers[at] for name, numbers in systems.items()}
                of_stratum = self._judge(at).entries(own, f"{self.slice}, {stratum}")
                entries += [entry for entry in of_stratum if entry["metric"] != "r2"]
        return entries

    def types(self, systems: Systems) -> dict:
        """How often the type that follows from a prediction is the pair's."""
        true = [dataset.type_of(number) for number in self.truth]
        right = {
            name: np.array([dataset.type_of(number) == of for number, of in zip(numbers, true)], dtype=np.float64)
            for name, numbers in systems.items()
        }
        means = {name: self.judge.mean(values) for name, values in right.items()}
        return self.judge.entry("type_accuracy", self.slice, means)

    def of_ceiling(self, systems: Systems) -> Entries:
        """R2 as a share of the noise ceiling, where labels tell how noisy they are."""
        if not self.ceiling:
            return []
        shares = {name: self.judge.r2(numbers) / self.ceiling for name, numbers in systems.items()}
        return [self.judge.entry("r2_of_ceiling", self.slice, shares)]

    def coverage(self, intervals: Array) -> dict:
        """Share of the pairs whose correlation lies within the model's 90 % interval `(n, 2)`.

        The train mean's interval holds 90 % of the training pairs, whatever is asked.
        """
        taught = self.pairs.correlations[self.fold.train]
        of_mean = np.tile(np.percentile(taught, [5, 95]), (len(self.rows), 1))
        told = {MODEL: intervals, baselines.MEAN: of_mean}
        inside = {name: (ends[:, 0] <= self.truth) & (self.truth <= ends[:, 1]) for name, ends in told.items()}
        shares = {name: self.judge.mean(found.astype(np.float64)) for name, found in inside.items()}
        return self.judge.entry("coverage_90", self.slice, shares)

    def _judge(self, at: Rows) -> scores.Judge:
        rows = self.rows[at]
        return scores.judge(
            self.pairs.correlations[rows], self.pairs.a_events[rows], self.pairs.b_events[rows], self.seed
        )
