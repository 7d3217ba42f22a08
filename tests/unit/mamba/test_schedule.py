"""The run in epochs, and the gate after the second."""

from dataclasses import replace

import pytest
from refusals import refused
from tiny_mamba_training import SCHEDULE, SMOKE

from lib.mamba import schedule
from lib.mamba.schedule import Watch
from lib.training import Settings


def test_warm_up_in_steps_is_warm_up_in_epochs():
    by_epochs = schedule.settings(replace(SCHEDULE, warmup_epochs=1.0), SMOKE, steps_per_epoch=30)
    by_steps = schedule.settings(replace(SCHEDULE, warmup_epochs=0.0, warmup_steps=30), SMOKE, steps_per_epoch=30)
    assert by_steps == by_epochs
    knobs = {"floor_ratio": 0.05, "weight_decay": 0.02, "save_seconds": 0.0}
    assert by_steps == Settings(90, 1e-2, seed=1, warmup_ratio=1 / 3, eval_steps=30, **knobs)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"warmup_epochs": 0.0, "warmup_steps": 1000, "epochs": 20},
            "mamba.train: warm-up of 1000 steps ends after the gate, which judges at step 618",
        ),
        (
            {"warmup_epochs": 0.0, "warmup_steps": 1000},
            "mamba.train: warm-up of 1000 steps: longer than the run of 927 steps, 309 an epoch",
        ),
        ({"epochs": 1}, "mamba.train: smoke_epoch 2: longer than the run of 309 steps, 309 an epoch"),
        ({"warmup_steps": 3}, "mamba.train: warmup_steps and warmup_epochs are both given, expected one"),
    ],
)
def test_row_19_a_warm_up_that_does_not_fit(changes, said):
    """The original had 309 steps an epoch, 1,000 of warm-up, and a gate after the second epoch."""
    assert refused(schedule.settings, replace(SCHEDULE, **changes), SMOKE, steps_per_epoch=309) == said


def rows(*cosines):
    """A history of two steps an epoch."""
    history = []
    for number, cosine in enumerate(cosines):
        history.append({"step": 2 * number, "loss": 3.0})
        history.append({"step": 2 * number + 1, "loss": 1.0, "validation": 0.2, "val_cosine": cosine})
    return history


def test_one_row_an_epoch():
    assert schedule.by_epoch(rows(0.4, 0.6)[:3]) == [
        {"epoch": 1, "step": 1, "loss": 2.0, "validation": 0.2, "val_cosine": 0.4}
    ]


@pytest.mark.parametrize(
    ("cosines", "verdict"),
    [
        ((0.6,), "not judged"),
        ((0.1, 0.5), "pass"),
        ((0.6, 0.49), "block"),
        ((0.1, 0.5, 0.2), "pass"),
    ],
)
def test_the_gate_judges_its_epoch_alone(little, cosines, verdict):
    watch = Watch(little.model(), little.payload, replace(SMOKE, smoke_cosine=0.5), seed=1, device="cpu")
    report = watch.report(rows(*cosines))
    assert report["verdict"] == verdict
    assert watch.halt()(rows(*cosines)) == (verdict == "block")
    assert not watch.halt()(rows(*cosines)[:-1])
    assert len(report["epochs"]) == min(2, len(cosines))
    assert set(report["baselines"]) == {"last", "mean of the context"}


def test_without_a_gate_nothing_halts(little):
    watch = Watch(little.model(), little.payload, replace(SMOKE, smoke_epoch=0, smoke_cosine=1.0), 1, "cpu")
    assert not watch.halt()(rows(0.0, 0.0, 0.0))
    assert watch.report(rows(0.0, 0.0))["verdict"] == "not judged"


def test_what_is_measured_of_a_validation(little):
    """The mean of ranks counted one by one, the context excluded."""
    network = little.model()
    found = Watch(network, little.payload, SMOKE, seed=1, device="cpu").validate()
    bench = Watch(network, little.payload, SMOKE, seed=1, device="cpu").bench
    reciprocal = []
    for target in bench.targets:
        position = little.payload.positions[target]
        query = network.requires_grad_(False).queries(bench.vectors(range(target - position, target))[None])[0]
        scores = network.documents(bench.vectors(bench.pool)) @ query
        kept = [at for at, row in enumerate(bench.pool) if not target - 5 <= row < target]
        reciprocal.append(1 / sum(float(scores[at]) >= float(scores[list(bench.pool).index(target)]) for at in kept))
    assert found["validation"] == pytest.approx(sum(reciprocal) / len(reciprocal))
    assert set(found) == {"validation", "val_recall_at_5", "val_contain_at_50", "val_cosine"}
