"""The length of a run in epochs, what is measured after each, and the gate after the second.

The original judged its epoch-2 gate within the warm-up (309 steps an epoch, 1,000 of warm-up), by a
cosine that the plain mean of the context reaches too. Here the gate waits for the warm-up's end, and
its report has the cosine of that mean beside the model's.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from .. import metrics
from ..errors import BadInput
from ..progress import Row
from ..training import Settings
from . import ranking, windows
from .baselines import Averages
from .model import NextVector
from .payload import Payload
from .ranking import EXCLUDED, Bench


@dataclass(frozen=True)
class Schedule:
    """The run in epochs; the warm-up in steps or in epochs."""

    epochs: int
    learning_rate: float
    seed: int
    warmup_steps: int = 0
    warmup_epochs: float = 0.0
    floor_ratio: float = 0.05
    weight_decay: float = 0.02
    max_grad_norm: float = 1.0
    save_seconds: float = 60.0
    patience: int = 0  # epochs without a new best before stopping early; 0 never stops


@dataclass(frozen=True)
class Smoke:
    """The early gate: after `smoke_epoch` epochs (0: none) the cosine on validation must reach `smoke_cosine`."""

    smoke_epoch: int
    smoke_cosine: float
    validation_limit: int  # questions of a validation


def settings(schedule: Schedule, smoke: Smoke, steps_per_epoch: int) -> Settings:
    """Steps and shares for the loop; BadInput when the warm-up is longer than the run, or than the way to the gate."""
    if schedule.warmup_steps and schedule.warmup_epochs:
        raise BadInput("mamba.train: warmup_steps and warmup_epochs are both given, expected one")
    steps = schedule.epochs * steps_per_epoch
    warmup = schedule.warmup_steps or math.ceil(schedule.warmup_epochs * steps_per_epoch)
    judged = smoke.smoke_epoch * steps_per_epoch
    if warmup > steps or judged > steps:
        what = f"warm-up of {warmup} steps" if warmup > steps else f"smoke_epoch {smoke.smoke_epoch}"
        raise BadInput(f"mamba.train: {what}: longer than the run of {steps} steps, {steps_per_epoch} an epoch")
    if judged and warmup > judged:
        raise BadInput(f"mamba.train: warm-up of {warmup} steps ends after the gate, which judges at step {judged}")
    return Settings.of(schedule, steps=steps, warmup_ratio=warmup / steps, eval_steps=steps_per_epoch)


class Watch:
    """Measures a model in training on validation articles, and judges it once."""

    def __init__(self, model: NextVector, payload: Payload, smoke: Smoke, seed: int, device: str) -> None:
        targets = windows.draw(payload, "validation", smoke.validation_limit, seed)
        pool = np.flatnonzero(payload.splits == "validation")
        self.model, self.smoke, self.bench = model, smoke, Bench(payload, targets, pool, device)

    def validate(self) -> Row:
        """MRR chooses the weights that are kept."""
        ranks = ranking.ranks(self.bench, self.model)[EXCLUDED]
        return {
            "validation": float(metrics.reciprocal_rank(ranks).mean()),
            "val_recall_at_5": float(metrics.recall_at_k(ranks, 5).mean()),
            "val_contain_at_50": float(metrics.recall_at_k(ranks, 50).mean()),
            "val_cosine": float(ranking.cosines(self.bench, self.model).mean()),
        }

    def halt(self) -> Callable[[list[Row]], bool]:
        """For the loop: whether the epoch's cosine is below the bar."""
        return lambda history: "validation" in (history or [{}])[-1] and self._passed(by_epoch(history)) is False

    def _passed(self, epochs: list[Row]) -> bool | None:
        """None before the gate's epoch."""
        at = self.smoke.smoke_epoch
        return epochs[at - 1]["val_cosine"] >= self.smoke.smoke_cosine if 0 < at <= len(epochs) else None

    def report(self, history: list[Row]) -> dict[str, Any]:
        """The gate's evidence: the figures of every epoch up to it, and what averages of the context reach."""
        epochs, passed = by_epoch(history), self._passed(by_epoch(history))
        baselines = {"last": Averages(torch.ones(1)), "mean of the context": Averages(torch.ones(windows.CONTEXT))}
        return {
            "metric": "val_cosine",
            "epoch": self.smoke.smoke_epoch,
            "min": self.smoke.smoke_cosine,
            "verdict": {True: "pass", False: "block", None: "not judged"}[passed],
            "epochs": epochs[: self.smoke.smoke_epoch],
            "baselines": {name: float(ranking.cosines(self.bench, one).mean()) for name, one in baselines.items()},
            "n": len(self.bench.targets),
        }


def by_epoch(history: list[Row]) -> list[Row]:
    """One row an epoch: its number, last step, mean loss, and the validation's figures."""
    epochs: list[Row] = []
    start = 0
    for at, row in enumerate(history):
        if "validation" in row:
            figures = {key: value for key, value in row.items() if key.startswith("val")}
            loss = float(np.mean([one["loss"] for one in history[start : at + 1]]))
            epochs.append({"epoch": len(epochs) + 1, "step": row["step"], "loss": loss, **figures})
            start = at + 1
    return epochs
