"""lib.training: our loop against a plain one, bit for bit; stopping and resuming in one process.

What happens when the process dies is in tests/crash.
"""

import copy
import math
import os
import signal

import pytest
import torch
from torch import nn

from lib import checkpoint, seeds, training
from lib.errors import Diverged, Stopped
from lib.state import StateFolder
from lib.training import Settings

ROWS = torch.randn(40, 6, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def folder(tmp_path):
    return StateFolder("test", tmp_path / "state.safetensors")


def network() -> nn.Sequential:
    seeds.seed_torch(1, "init")
    return nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 1))


def settings(steps=12, **more) -> Settings:
    return Settings(steps, learning_rate=0.05, seed=3, **more)


def loss_of(model: nn.Module, step: int) -> torch.Tensor:
    batch = ROWS[seeds.shuffled_epochs(len(ROWS), 8, 3, "train", step)]
    return ((model(batch[:, :5]) - batch[:, 5:]) ** 2).mean()


def backward_of(model: nn.Module, before=lambda _: None):
    def backward(step: int) -> dict[str, float]:
        before(step)
        loss = loss_of(model, step)
        loss.backward()
        return {"loss": loss.item()}

    return backward


def equal(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values()))


# Against references


@pytest.mark.parametrize("knobs", [{}, {"warmup_ratio": 0.0, "hold_ratio": 1.0}])
def test_the_loop_is_a_plain_torch_loop_bit_for_bit(folder, knobs):
    ours, plain = network(), network()
    history = training.fit(ours, backward_of(ours), settings(max_grad_norm=0.5, **knobs), folder)

    optimizer = torch.optim.AdamW(plain.parameters(), lr=0.05, weight_decay=0.01)
    for step in range(12):
        optimizer.param_groups[0]["lr"] = training.rate(settings(**knobs), step)
        torch.manual_seed(seeds.derive(3, "forward", step))
        optimizer.zero_grad()
        loss = loss_of(plain, step)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(plain.parameters(), 0.5).item()
        optimizer.step()
        rate = optimizer.param_groups[0]["lr"]
        assert history[step] == {"step": step, "learning_rate": rate, "loss": loss.item(), "grad_norm": norm}
    assert equal(ours, plain)


# What moves and what does not


def test_frozen_weights_stay_and_are_not_stored(folder):
    model = network()
    model[0].requires_grad_(False)
    before = copy.deepcopy(model[0])
    with pytest.raises(Stopped):
        training.fit(model, backward_of(model, lambda _: os.kill(os.getpid(), signal.SIGTERM)), settings(), folder)
    assert equal(model[0], before)
    assert not any(name.startswith("model.0.") for name in checkpoint.load(folder.path)[0])


def test_the_model_ends_as_its_best(folder):
    model = network()
    seen: dict[int, tuple[float, nn.Module]] = {}
    scores = iter([0.1, 0.5, 0.5, 0.2])

    def validate() -> float:
        assert not model.training and not torch.is_grad_enabled()
        score = next(scores)
        seen[len(seen)] = score, copy.deepcopy(model)
        return score

    history = training.fit(model, backward_of(model), settings(eval_steps=3), folder, validate)
    assert equal(model, seen[1][1])
    assert not equal(model, seen[3][1])
    assert not model.training
    assert [row["validation"] for row in history if "validation" in row] == [0.1, 0.5, 0.5, 0.2]
    assert [row["step"] for row in history if "validation" in row] == [2, 5, 8, 11]


def test_patience_ends_a_run_early(folder):
    model = network()
    scores = iter([0.5, 0.4, 0.3, 0.9])
    history = training.fit(model, backward_of(model), settings(eval_steps=2, patience=2), folder, lambda: next(scores))
    assert len(history) == 6


def test_a_validation_of_several_figures_is_a_part_of_the_history(folder):
    scores, model = iter([0.5, 0.9, 0.1]), network()
    validate = lambda: {"validation": next(scores), "recall": 0.25}  # noqa: E731
    history = training.fit(model, backward_of(model), settings(6, eval_steps=2), folder, validate)
    assert [row.get("validation") for row in history] == [None, 0.5, None, 0.9, None, 0.1]
    assert [row.get("recall") for row in history] == [None, 0.25] * 3
    shorter = network()
    training.fit(shorter, backward_of(shorter), settings(6, eval_steps=4), folder, lambda: {"validation": 1.0})
    assert equal(model, shorter), "the weights of the fourth step"


def test_a_caller_can_end_a_run(folder):
    model = network()
    halt = lambda history: len(history) == 5  # noqa: E731
    assert len(training.fit(model, backward_of(model), settings(), folder, halt=halt)) == 5


def test_validation_does_not_disturb_training(folder):
    plain, validated = network(), network()
    training.fit(plain, backward_of(plain), settings(), folder)
    scores = iter(range(12))

    def validate() -> float:
        torch.rand(7)
        return next(scores)

    training.fit(validated, backward_of(validated), settings(eval_steps=1), folder, validate)
    assert equal(plain, validated)


# Row 26: stops before the update


@pytest.mark.parametrize("poison", [math.nan, math.inf])
@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_row_26_what_is_not_finite_never_reaches_the_weights(folder, poison, where):
    model = network()
    after: list[nn.Module] = []

    def backward(step: int) -> dict[str, float]:
        row = backward_of(model)(step)
        if step == 5:
            after.append(copy.deepcopy(model))
            if where == "loss":
                return {"loss": poison}
            model[0].weight.grad[0, 0] = poison
        return row

    with pytest.raises(Diverged, match=r"step 5: loss .*: stopped before the update"):
        training.fit(model, backward, settings(save_seconds=0), folder)
    assert equal(model, after[0])
    assert checkpoint.read_metadata(folder.path)["step"] == 5
    assert all(tensor.isfinite().all() for tensor in checkpoint.load(folder.path)[0].values())


def test_row_26_a_validation_that_is_not_a_number(folder):
    model = network()
    with pytest.raises(Diverged, match="step 2: the validation score is not a number"):
        training.fit(model, backward_of(model), settings(eval_steps=2), folder, lambda: math.nan)


# Row 22: stopping and resuming


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_row_22_stopped_at_every_step_it_ends_the_same(folder, number):
    knobs = settings(6, eval_steps=2)

    def run(home: StateFolder, before=lambda _: None):
        model = network()
        history = training.fit(model, backward_of(model, before), knobs, home, lambda: -loss_of(model, 0).item())
        return model, history

    whole, history = run(StateFolder("whole", folder.path.with_name("whole")))
    for step in range(6):
        with pytest.raises(Stopped, match=f"stopped by {number.name} after step {step + 1}, state saved"):
            run(folder, lambda _: os.kill(os.getpid(), number))
    resumed, resumed_history = run(folder)
    assert resumed_history == history
    assert equal(resumed, whole)


def test_row_22_a_signal_after_the_last_look_is_not_lost():
    got: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: got.append(number))
    try:
        with training._signals() as received:
            os.kill(os.getpid(), signal.SIGTERM)
            assert (received, got) == (["SIGTERM"], [])
        assert got == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_states_are_saved_by_the_clock(folder, monkeypatch):
    model = network()
    now = iter(range(0, 10_000, 25))
    saved: list[int] = []
    monkeypatch.setattr(training.time, "monotonic", lambda: next(now))
    monkeypatch.setattr(training.checkpoint, "save", lambda path, tensors, about: saved.append(about["step"]))  # noqa: ARG005
    training.fit(model, backward_of(model), settings(12, save_seconds=60), folder)
    assert saved == [3, 6, 9, 12]


# What is told


def test_a_log_gets_plain_lines(folder, capsys):
    model = network()
    training.fit(model, backward_of(model), settings(40), folder)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 20
    assert all(line.startswith("test: step ") and " loss " in line for line in lines)


def test_tensorboard_gets_every_scalar(folder, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    model = network()
    history = training.fit(model, backward_of(model), settings(5), folder, scalars=tmp_path / "scalars")
    events = EventAccumulator(str(tmp_path / "scalars")).Reload()
    assert [event.value for event in events.Scalars("loss")] == pytest.approx([row["loss"] for row in history])
