"""The loss of a step: some pairs, each in one of its two orders, through the hybrid loss.

A step's batch goes through the model in equal parts, whose gradients add up to that of the whole batch; processes
that train together share the parts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .. import parallel, seeds
from ..training import Settings
from .dataset import Pairs, Rows
from .evidence import Evidence, gather
from .losses import PARTS, Loss
from .rag import SemanticRAG
from .reader import Reader, distribution


@dataclass(frozen=True)
class Plan:
    """How training goes through the pairs, in both orders each; `rag_top_k` known pairs are consulted for each.

    A step takes `gradient_accumulation_steps` times `per_device_train_batch_size` pairs, so many at a time.
    """

    num_train_epochs: int = 3
    per_device_train_batch_size: int = 4
    gradient_accumulation_steps: int = 1
    learning_rate: float = 2e-4
    rag_top_k: int = 5
    seed: int = 1
    warmup_ratio: float = 0.05
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    save_seconds: float = 60.0
    eval_steps: int = 0
    patience: int = 0
    limit: int | None = None  # training pairs, the first by lot; None takes all

    @property
    def batch_size(self) -> int:
        """Pairs of a step."""
        return self.per_device_train_batch_size * self.gradient_accumulation_steps

    def settings(self, pairs: int) -> Settings:
        """The loop's settings for so many training pairs: as many steps as the epochs have batches."""
        steps = -(-2 * pairs * self.num_train_epochs // self.batch_size)
        return Settings.of(self, steps=steps)


@dataclass(frozen=True)
class Labelled:
    """n pairs of a split: what is seen of them, their correlations `(n,)` and why."""

    seen: Evidence
    correlations: NDArray[np.float64]
    reasonings: list[str]

    def __len__(self) -> int:
        return len(self.seen)


def labelled(pairs: Pairs, rag: SemanticRAG, split: str, disjoint: bool, plan: Plan) -> Labelled:
    """Pairs of a split, of training at most `plan.limit`."""
    rows = pairs.rows(split, disjoint)
    return of_rows(pairs, rag, limited(rows, plan) if split == "train" else rows, plan)


def limited(rows: Rows, plan: Plan) -> Rows:
    """At most `plan.limit` training pairs, by lot."""
    if plan.limit is None:
        return rows
    return np.sort(seeds.generator(plan.seed, "limit").permutation(rows)[: plan.limit])


def of_rows(pairs: Pairs, rag: SemanticRAG, rows: Rows, plan: Plan) -> Labelled:
    """Some pairs; none finds itself or a pair with one of its contracts."""
    seen = gather(rag, plan.rag_top_k, *pairs.asked(rows))
    return Labelled(seen, pairs.correlations[rows], [pairs.reasonings[row] for row in rows])


class Objective:
    """`backward(step)` for the training loop: a function of the weights and (seed, step)."""

    def __init__(self, reader: Reader, taught: Labelled, loss: Loss, plan: Plan) -> None:
        self.reader, self.loss, self.plan = reader, loss, plan
        self.inputs = reader.inputs(taught.seen.both_orders())
        self.targets = reader.targets(taught.correlations, taught.reasonings) * 2
        self.correlations = torch.from_numpy(np.tile(taught.correlations, 2).astype(np.float32))
        self.scores = reader.numbers.score(self.correlations)

    def backward(self, step: int) -> dict[str, float]:
        """Add the step's gradient to the parameters and return its losses."""
        rows = seeds.shuffled_epochs(len(self.targets), self.plan.batch_size, self.plan.seed, "pairs", step)
        parts = np.split(rows, self.plan.gradient_accumulation_steps)
        tokens = np.array([sum(len(self.targets[row]) for row in part) for part in parts])
        found = dict.fromkeys(PARTS, torch.zeros(()))
        for at in parallel.mine(parts):
            if at:  # dropout is that of the part, whichever process it falls to
                seeds.seed_torch(self.plan.seed, f"part {at}", step)
            of_part = self._losses(parts[at], float(tokens[at] / tokens.mean()))
            (of_part["total_loss"] / len(parts) * parallel.world()).backward()
            found = {name: loss + of_part[name].detach().cpu() / len(parts) for name, loss in found.items()}
        shown = {name: parallel.total(loss) for name, loss in found.items()}
        return {"loss": shown["total_loss"], **shown}

    def _losses(self, rows: Rows, share: float) -> dict[str, Tensor]:
        """The losses of some pairs; `share` of the mean number of answer tokens a part are theirs."""
        inputs, targets = _picked(self.inputs, rows), _picked(self.targets, rows)
        generation, expected = self.reader.teach(inputs, targets, self.scores[rows])
        return self.loss(share * generation, expected, self.correlations[rows].to(expected.device))


def _picked(items: Sequence, rows: NDArray[np.integer]) -> list:
    return [items[row] for row in rows]


def score(reader: Reader, held_out: Labelled) -> float:
    """What chooses the weights: minus the RMSE of the expected number on validation pairs."""
    return -distribution(reader, held_out.seen).rmse(held_out.correlations)
