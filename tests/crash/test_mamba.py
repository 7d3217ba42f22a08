"""Rows 21 and 22 for the training of the next-vector model: killed or stopped, it ends with the same bytes."""

import re

import pytest
from disturbed import Training
from tiny_mamba_training import MADE, World


class Mamba(Training):
    script = "train_mamba_contrastive.py"
    places = MADE


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("little-articles"))


@pytest.fixture(scope="module")
def training(killer, world, tmp_path_factory):
    """`training(name, **knobs)`: a folder of its own for every call."""
    folder = tmp_path_factory.mktemp("runs")
    return lambda name, **knobs: Mamba(killer, folder / name, world.training(**knobs))


def test_it_leaves_its_outputs_and_nothing_else(undisturbed):
    names = ["s.ckpt", "s.history.csv", "s.history.json", "s.smoke_gate.json"]
    assert sorted(undisturbed.outputs()) == names


@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.8, 0.93, 0.99])
def test_row_21_killed_at_a_file_operation(training, undisturbed, share):
    """Before the first state, between two, with a best model, and while outputs are written."""
    run = training(f"killed-{share}").killed(undisturbed, share)
    assert bool(run.resumed) == (share > 0.1)


def test_row_21_windows_in_micro_batches(training):
    """The original's mode, with dropout drawn twice for each micro-batch."""
    knobs = {"context": 5, "batch_size": 32, "micro_batch": 8, "search": "head", "epochs": 2}
    whole = training("windows", **knobs)
    assert whole.run() == 0, whole.log.read_text()
    assert training("windows-killed", **knobs).killed(whole, 0.5).resumed


def test_row_21_killed_after_the_gate_has_judged(training):
    """A run that the early gate stopped comes to the same verdict again."""
    knobs = {"smoke_cosine": 1.0}
    whole = training("blocked", **knobs)
    assert whole.run() == 0, whole.log.read_text()
    assert re.search(
        r"^mamba_s: stopped by the gate of epoch 2, see .*s\.smoke_gate\.json$", whole.log.read_text(), re.M
    )
    training("blocked-killed", **knobs).killed(whole, 0.97)


def test_row_22_stopped_by_sigterm(training, undisturbed):
    training("stopped").stopped(undisturbed, 1 / 2)
