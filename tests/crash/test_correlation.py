"""Rows 21 and 22 for the training of correlations: killed or stopped, it ends with the bytes of one left alone."""

import re
import signal
from typing import ClassVar

import pytest
from disturbed import Training
from tiny_correlation_training import World


class Correlation(Training):
    script = "train_correlation.py"
    places: ClassVar = {"--state": "state", "--history": "history.csv", "--out": "model"}

    def outputs(self) -> dict[str, bytes]:
        """Every file but the lock; no state and nothing temporary may be left."""
        files = (path for path in self.folder.rglob("*") if path.is_file() and path.name != "lock")
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def training(killer, tmp_path_factory):
    """`training(name)`: a folder of its own for every call."""
    folder = tmp_path_factory.mktemp("runs")
    flags = World(tmp_path_factory.mktemp("little-pairs")).training(dropout=0.2)
    return lambda name: Correlation(killer, folder / name, flags)


@pytest.fixture(scope="module")
def undisturbed(training):
    run = training("undisturbed")
    assert run.run() == 0, run.log.read_text()
    return run


@pytest.mark.parametrize("share", [0.02, 0.4, 0.8, 0.97])
def test_row_21_killed_at_a_file_operation(training, undisturbed, share):
    """Before the first state, between two, with a best model, and while the model's folder is written."""
    run = training(f"killed-{share}")
    number = max(1, round(share * undisturbed.operations))
    assert run.run(kill=("file", number, signal.SIGKILL)) == -signal.SIGKILL
    assert not (run.folder / "model").exists()
    assert run.run() == 0, run.log.read_text()
    assert ("resumed at step" in run.log.read_text()) == (share > 0.1)
    assert run.outputs() == undisturbed.outputs()


def test_row_22_stopped_by_sigterm(training, undisturbed):
    run = training("stopped")
    assert run.run(kill=("file", undisturbed.operations // 3, signal.SIGTERM)) == 75
    log = run.log.read_text()
    (step,) = re.findall(r"^train_correlation\.py: train: stopped by SIGTERM after step (\d), state saved$", log, re.M)
    assert "Traceback" not in log
    assert run.run() == 0
    assert f"train: resumed at step {step}\n" in run.log.read_text()
    assert run.outputs() == undisturbed.outputs()
