"""Rows 21 and 22 for the training of the next-vector model: killed or stopped, it ends with the same bytes."""

import re
import signal
from typing import ClassVar

import pytest
from disturbed import Training
from tiny_mamba_training import World


class Mamba(Training):
    script = "train_mamba_contrastive.py"
    places: ClassVar = {
        "--state": "state",
        "--history": "s.history.csv",
        "--epochs-out": "s.history.json",
        "--smoke-out": "s.smoke_gate.json",
        "--out": "s.ckpt",
    }

    def outputs(self) -> dict[str, bytes]:
        """Every file but the lock; no state and nothing temporary may be left."""
        files = (path for path in self.folder.rglob("*") if path.is_file() and path.name != "lock")
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("little-articles"))


@pytest.fixture(scope="module")
def training(killer, world, tmp_path_factory):
    """`training(name, **knobs)`: a folder of its own for every call."""
    folder = tmp_path_factory.mktemp("runs")
    return lambda name, **knobs: Mamba(killer, folder / name, world.training(**knobs))


@pytest.fixture(scope="module")
def undisturbed(training):
    run = training("undisturbed")
    assert run.run() == 0, run.log.read_text()
    return run


def test_it_leaves_its_outputs_and_nothing_else(undisturbed):
    names = ["s.ckpt", "s.history.csv", "s.history.json", "s.smoke_gate.json"]
    assert sorted(undisturbed.outputs()) == names


@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.8, 0.93, 0.99])
def test_row_21_killed_at_a_file_operation(training, undisturbed, share):
    """Before the first state, between two, with a best model, and while outputs are written."""
    run = training(f"killed-{share}")
    number = max(1, round(share * undisturbed.operations))
    assert run.run(kill=("file", number, signal.SIGKILL)) == -signal.SIGKILL
    assert run.run() == 0, run.log.read_text()
    assert ("resumed at step" in run.log.read_text()) == (share > 0.1)
    assert run.outputs() == undisturbed.outputs()


def test_row_21_windows_in_micro_batches(training):
    """The original's mode, with dropout drawn twice for each micro-batch."""
    knobs = {"context": 5, "batch_size": 32, "micro_batch": 8, "search": "head", "epochs": 2}
    whole, killed = training("windows", **knobs), training("windows-killed", **knobs)
    assert whole.run() == 0, whole.log.read_text()
    assert killed.run(kill=("file", whole.operations // 2, signal.SIGKILL)) == -signal.SIGKILL
    assert killed.run() == 0
    assert "resumed at step" in killed.log.read_text()
    assert killed.outputs() == whole.outputs()


def test_row_21_killed_after_the_gate_has_judged(training):
    """A run that the early gate stopped comes to the same verdict again."""
    knobs = {"smoke_cosine": 1.0}
    whole, killed = training("blocked", **knobs), training("blocked-killed", **knobs)
    assert whole.run() == 0, whole.log.read_text()
    assert re.search(
        r"^mamba_s: stopped by the gate of epoch 2, see .*s\.smoke_gate\.json$", whole.log.read_text(), re.M
    )
    assert killed.run(kill=("file", round(0.97 * whole.operations), signal.SIGKILL)) == -signal.SIGKILL
    assert killed.run() == 0
    assert killed.outputs() == whole.outputs()


def test_row_22_stopped_by_sigterm(training, undisturbed):
    run = training("stopped")
    assert run.run(kill=("file", undisturbed.operations // 2, signal.SIGTERM)) == 75
    log = run.log.read_text()
    said = r"^train_mamba_contrastive\.py: mamba_s: stopped by SIGTERM after step (\d), state saved$"
    (step,) = re.findall(said, log, re.M)
    assert "Traceback" not in log
    assert run.outputs().keys() <= {path for path in run.outputs() if path.startswith("state/")}
    assert run.run() == 0
    assert f"mamba_s: resumed at step {step}\n" in run.log.read_text()
    assert run.outputs() == undisturbed.outputs()
