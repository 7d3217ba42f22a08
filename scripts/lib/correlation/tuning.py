"""Knobs chosen, and doubts set right, by what models say of pairs whose events they were not trained on.

Whatever is compared is compared at its own best: the hybrid loss and the cross-entropy alone are tried with the same
rates, each keeps its best. All that judges lies among the training and validation pairs; the test pairs take no part.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import files, training
from ..errors import BadInput
from ..state import StateFolder
from . import objective, rag
from .calibration import Calibration
from .dataset import Pairs
from .encoder import Head
from .folds import Fold
from .losses import Loss
from .numbers import Distribution
from .objective import Labelled, Objective, Plan
from .rag import SemanticRAG
from .reader import Reader, distribution

Knobs = Mapping[str, Any]
Begin = Callable[[Labelled], Reader]  # a reader before training, from what it is taught
Taught = tuple[Labelled, Labelled]  # what teaches and what judges


@dataclass(frozen=True)
class Trial:
    """Some knobs, and what training is with them."""

    knobs: Knobs
    head: Head
    loss: Loss
    plan: Plan


@dataclass(frozen=True)
class Search:
    """What is tried (values of knobs by name, each with each), and on how many redrawn sets of held-out events."""

    tried: Mapping[str, Sequence[Any]]
    repeats: int = 0
    judged_share: float = 0.15

    def trials(self, head: Head, loss: Loss, plan: Plan) -> list[Trial]:
        """Every combination, laid over what is given; without anything to try, this alone."""
        combined = [dict(zip(self.tried, values)) for values in itertools.product(*self.tried.values())]
        return [laid(knobs, head, loss, plan) for knobs in combined]


@dataclass(frozen=True)
class Judged:
    """What models say of pairs that none of them was trained on: the folds' one after the other."""

    found: Distribution
    truth: NDArray[np.float64]

    @property
    def rmse(self) -> float:
        """Root mean squared error of the expected numbers."""
        return self.found.rmse(self.truth)


def laid(knobs: Knobs, head: Head, loss: Loss, plan: Plan) -> Trial:
    """The three with other knobs; BadInput for a knob that none of them has."""
    parts: list[Any] = [head, loss, plan]
    known = [{field.name for field in fields(part)} for part in parts]
    if unknown := knobs.keys() - set.union(*known):
        raise BadInput(f"correlation.tune.tried: {min(unknown)}, expected knobs of correlation.head or .train")
    own = ({name: knobs[name] for name in names & knobs.keys()} for names in known)
    return Trial(knobs, *(replace(part, **changed) for part, changed in zip(parts, own)))


def labelled(pairs: Pairs, folds: Iterable[Fold], encoder: str, plan: Plan) -> list[Taught]:
    """What is seen of every fold's pairs: retrieval knows those that teach in it and no others."""
    seen = []
    for fold in folds:
        rows = objective.limited(fold.taught, plan)
        known = SemanticRAG(Path(), encoder)
        a_titles, b_titles, _, _ = pairs.asked(fold.taught)
        known.build_index(known.embed(a_titles, b_titles), rag.metadata(pairs, fold.taught))
        seen.append((objective.of_rows(pairs, known, rows, plan), objective.of_rows(pairs, known, fold.judged, plan)))
    return seen


def judged(folds: Sequence[Taught], begin: Begin, loss: Loss, plan: Plan, state: StateFolder) -> Judged:
    """One training for each fold, and what it says of the pairs that judge."""
    found = []
    for number, (taught, held_out) in enumerate(folds):
        reader, place = begin(taught), within(state, number)
        goal, score = Objective(reader, taught, loss, plan), partial(objective.score, reader, held_out)
        training.fit(reader, goal.backward, plan.settings(len(taught)), place, score)
        found.append(distribution(reader, held_out.seen))
    chances = np.concatenate([one.chances for one in found])
    return Judged(
        Distribution(chances, found[0].values), np.concatenate([held_out.correlations for _, held_out in folds])
    )


def within(state: StateFolder, number: int) -> StateFolder:
    """Where one of several trainings of a run waits."""
    return StateFolder(f"{state.name}.{number}", state.path.with_stem(f"{state.path.stem}-{number}"))


def read(path: Path) -> tuple[dict[str, Any], Calibration]:
    """The chosen knobs and the calibration of a file that tune_correlation.py wrote."""
    told = files.read_json(path)
    files.check_keys(told, ("chosen", "calibration"), str(path))
    return told["chosen"], files.as_dataclass(Calibration, told["calibration"], f"{path}: calibration")
