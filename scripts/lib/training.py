"""The training loop: resume, step, save by the clock, stop when asked, never poison the weights.

Everything random in a step is a function of (seed, step) and the rate is a function of the step, so that a run
resumes from its weights, the optimizer's moments and the history alone (lib.progress).
"""

import contextlib
import math
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from . import checkpoint, parallel, seeds
from .cli import log
from .errors import BadInput, Diverged, Stopped
from .files import write_csv
from .progress import Progress, Row
from .state import StateFolder


@dataclass(frozen=True)
class Settings:
    """Knobs of one run; warm-up and hold are shares of `steps`, start and floor of `learning_rate`."""

    steps: int
    learning_rate: float
    seed: int
    warmup_ratio: float = 0.1
    hold_ratio: float = 0.0
    start_ratio: float = 1.0
    floor_ratio: float = 0.0
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    save_seconds: float = 60.0
    eval_steps: int = 0
    patience: int = 0

    def __post_init__(self) -> None:
        if self.warmup_ratio + self.hold_ratio > 1:
            raise BadInput(f"warmup_ratio {self.warmup_ratio} + hold_ratio {self.hold_ratio}: longer than the run")

    @classmethod
    def of(cls, knobs: Any, **derived: Any) -> "Settings":
        """What some knobs say under the same names, and what is derived from the others."""
        shared = {field.name: getattr(knobs, field.name) for field in fields(cls) if hasattr(knobs, field.name)}
        return cls(**shared | derived)


def rate(settings: Settings, step: int) -> float:
    """Learning rate of a step: linear warm-up to the start ratio, hold, cosine to the floor ratio."""
    warmup, hold = settings.warmup_ratio * settings.steps, settings.hold_ratio * settings.steps
    if step < warmup:
        return settings.learning_rate * settings.start_ratio * (step + 1) / (warmup + 1)
    done = max(0.0, step - warmup - hold) / max(1.0, settings.steps - warmup - hold)
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
    return settings.learning_rate * (settings.floor_ratio + (settings.start_ratio - settings.floor_ratio) * cosine)


def fit(
    model: nn.Module,
    backward: Callable[[int], Row],
    settings: Settings,
    folder: StateFolder,
    validate: Callable[[], float | Row] | None = None,
    scalars: Path | None = None,
    halt: Callable[[list[Row]], bool] = lambda history: False,  # noqa: ARG005
) -> list[Row]:
    """Train `model` in place and return its history, one row a step.

    `backward(step)` computes the step's loss, adds its gradient to the parameters and returns
    scalars with a `loss` among them. `validate()` returns a score, higher is better, or scalars with it
    as `validation`; the model then ends as its best, and stops early after `patience` evaluations
    without a new best. `halt(history)` ends the run for reasons of the caller's own. Raises Stopped after
    saving on SIGTERM, SIGUSR1 or SIGINT, Diverged before a loss or gradient that is not finite is used.
    """
    trained, kept = checkpoint.trainable(model), checkpoint.kept(model)
    optimizer = torch.optim.AdamW(trained.values(), settings.learning_rate, weight_decay=settings.weight_decay)
    progress = Progress.resumed(folder, kept, optimizer)
    model.train()
    saved = time.monotonic()
    with _signals() as received, _reporter(folder.name, settings.steps, progress, scalars) as report:
        while not (_over(progress, settings) or halt(progress.history)):
            row = _step(trained, optimizer, backward, settings, progress.step)
            progress.step += 1
            if validate and settings.eval_steps and progress.step % settings.eval_steps == 0:
                row |= _evaluate(model, validate, kept, progress)
            progress.history.append(row)
            report(row)
            stop = parallel.heard(received)
            if stop or time.monotonic() - saved >= settings.save_seconds:
                progress.save(folder, kept, optimizer)
                saved = time.monotonic()
            if stop:
                raise Stopped(f"{folder.name}: stopped by {stop} after step {progress.step}, state saved")
    progress.restore_best(kept)
    model.eval()
    return progress.history


def _step(trained: dict, optimizer, backward: Callable[[int], Row], settings: Settings, step: int) -> Row:
    for group in optimizer.param_groups:
        group["lr"] = rate(settings, step)
    optimizer.zero_grad(set_to_none=True)
    seeds.seed_torch(settings.seed, "forward", step)
    row = backward(step)
    parallel.average_gradients(trained.values())
    norm = torch.nn.utils.clip_grad_norm_(trained.values(), settings.max_grad_norm)
    if not (math.isfinite(row["loss"]) and torch.isfinite(norm)):
        raise Diverged(f"step {step}: loss {row['loss']}, gradient norm {norm.item()}: stopped before the update")
    optimizer.step()
    return {"step": step, "learning_rate": rate(settings, step), **row, "grad_norm": norm.item()}


def _evaluate(model: nn.Module, validate: Callable[[], float | Row], kept: dict, progress: Progress) -> Row:
    model.eval()
    with torch.no_grad():
        found = validate()
    model.train()
    row = found if isinstance(found, dict) else {"validation": found}
    score = row["validation"]
    if math.isnan(score):
        raise Diverged(f"step {progress.step}: the validation score is not a number")
    progress.judge(score, kept)
    return row


def _over(progress: Progress, settings: Settings) -> bool:
    """All steps are done, or validation has gone without a new best for too long."""
    waited = progress.step - progress.best_step
    patient = not (settings.patience and progress.best) or waited < settings.patience * settings.eval_steps
    return progress.step >= settings.steps or not patient


@contextlib.contextmanager
def _signals() -> Iterator[list[str]]:
    """Collect stop signals for the loop to see between two steps; a list that is empty until one came."""
    received: list[str] = []
    watched = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)
    before = {number: signal.signal(number, lambda n, _: received.append(signal.Signals(n).name)) for number in watched}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for name in received[:1]:  # it came after the loop's last look
        signal.raise_signal(signal.Signals[name])


@contextlib.contextmanager
def _reporter(name: str, steps: int, progress: Progress, scalars: Path | None) -> Iterator[Callable[[Row], None]]:
    """A progress bar on a terminal, some twenty plain lines in a log, TensorBoard scalars if asked for."""
    with contextlib.ExitStack() as stack:
        quiet = not (sys.stderr.isatty() and parallel.leads())
        bar = stack.enter_context(tqdm(total=steps, initial=progress.step, desc=name, disable=quiet))
        writer = None
        if scalars and parallel.leads():
            from torch.utils.tensorboard import SummaryWriter

            writer = stack.enter_context(SummaryWriter(str(scalars), purge_step=progress.step))

        def report(row: Row) -> None:
            bar.update()
            if bar.disable and parallel.leads() and (progress.step % max(1, steps // 20) == 0 or "validation" in row):
                log(f"{name}: " + " ".join(f"{key} {value:.5g}" for key, value in row.items()))
            if writer:
                for key, value in row.items():
                    writer.add_scalar(key, value, row["step"])

        yield report


def write_history(path: Path, history: list[Row]) -> None:
    """history.csv: one row a step; a column that a row lacks is empty."""
    columns = list(dict.fromkeys(key for row in history for key in row))
    write_csv(path, columns, ([row.get(column, "") for column in columns] for row in history))
