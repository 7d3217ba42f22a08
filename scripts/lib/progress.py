"""How far a training has come, and the state file that brings it back there.

The file holds weights, the optimizer's moments, the best weights so far and the history; everything else in a run is a
function of (seed, step).
"""

import math
from dataclasses import dataclass, field

import torch

from . import checkpoint, parallel
from .checkpoint import Tensors
from .cli import log
from .state import StateFolder

Row = dict[str, float]


@dataclass
class Progress:
    """Steps done, a row of history each, and the best validation score so far with the weights that reached it.

    `kept`, wherever it is asked for, is what has to be stored of the model (checkpoint.kept).
    """

    step: int = 0
    history: list[Row] = field(default_factory=list)
    best_score: float = -math.inf
    best_step: int = 0
    best: Tensors = field(default_factory=dict)

    @classmethod
    def resumed(cls, folder: StateFolder, kept: Tensors, optimizer: torch.optim.Optimizer) -> "Progress":
        """Where the run's state stands, weights and moments put in place; the beginning when there is none."""
        if not folder.path.exists():
            return cls()
        tensors, about = checkpoint.load(folder.path)
        parts: dict[str, Tensors] = {"model": {}, "best": {}, "optimizer": {}}
        for name, tensor in tensors.items():
            part, rest = name.split(".", 1)
            parts[part][rest] = tensor
        _assign(kept, parts["model"])
        checkpoint.restore_optimizer(optimizer, parts["optimizer"])
        log(f"{folder.name}: resumed at step {about['step']}")
        score = -math.inf if about["best_score"] is None else about["best_score"]
        return cls(about["step"], about["history"], score, about["best_step"], parts["best"])

    def save(self, folder: StateFolder, kept: Tensors, optimizer: torch.optim.Optimizer) -> None:
        """Write the run's state; of processes that train together the one that leads does."""
        if not parallel.leads():
            return
        tensors = {f"model.{name}": tensor for name, tensor in kept.items()}
        tensors |= {f"best.{name}": tensor for name, tensor in self.best.items()}
        tensors |= {f"optimizer.{name}": t for name, t in checkpoint.optimizer_tensors(optimizer).items()}
        score = self.best_score if self.best else None
        about = {"step": self.step, "history": self.history, "best_score": score, "best_step": self.best_step}
        checkpoint.save(folder.path, tensors, about)

    def judge(self, score: float, kept: Tensors) -> None:
        """Remember the weights as they are if no score was higher."""
        if score > self.best_score:
            self.best_score, self.best_step = score, self.step
            self.best = {name: tensor.detach().clone() for name, tensor in kept.items()}

    def restore_best(self, kept: Tensors) -> None:
        """Put the best weights in place, if there was a validation."""
        if self.best:
            _assign(kept, self.best)


@torch.no_grad()
def _assign(kept: Tensors, tensors: Tensors) -> None:
    for name, tensor in kept.items():
        tensor.copy_(tensors[name])
