"""Rows 21 and 22 for the training of the tickets: killed or stopped, it ends with the bytes of one left alone."""

import json
import re
import signal
from pathlib import Path

import pytest
from tiny_ticket_training import World

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "train_tickets.py"


class Training:
    """Runs that write into one folder; their input lies elsewhere."""

    def __init__(self, killer, folder: Path, flags: list[str]) -> None:
        self.killer, self.folder, self.log, self.flags = killer, folder, folder.with_name(f"{folder.name}.log"), flags
        folder.mkdir()

    def run(self, kill: tuple = ("none", 0, 0)) -> int:
        places = {"--state": "state", "--history": "history.csv", "--out": "model"}
        writes = [word for flag, name in places.items() for word in (flag, str(self.folder / name))]
        argv = [str(SCRIPT), *self.flags, *writes]
        order = self.killer.order(argv=argv, log=str(self.log), watch=str(self.folder), kill=kill)
        return self.killer.order(wait=order["pid"])["code"]

    @property
    def operations(self) -> int:
        """File operations of the last run, which must have come to its end."""
        return json.loads(re.findall(r"^events (.*)$", self.log.read_text(), re.MULTILINE)[0])["file"]

    def outputs(self) -> dict[str, bytes]:
        """Every file but the lock; no state and nothing temporary may be left."""
        files = (path for path in self.folder.rglob("*") if path.is_file() and path.name != "lock")
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def training(killer, tmp_path_factory):
    """`training(name)`: a folder of its own for every call."""
    folder = tmp_path_factory.mktemp("runs")
    flags = World(tmp_path_factory.mktemp("little-tickets")).training(max_forgetting=0.0, learning_rate=0.02)
    return lambda name: Training(killer, folder / name, flags)


@pytest.fixture(scope="module")
def undisturbed(training):
    run = training("undisturbed")
    assert run.run() == 0, run.log.read_text()
    return run


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9, 0.97])
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
    assert run.run(kill=("file", undisturbed.operations // 5, signal.SIGTERM)) == 75
    log = run.log.read_text()
    (step,) = re.findall(r"^train_tickets\.py: train: stopped by SIGTERM after step (\d), state saved$", log, re.M)
    assert "Traceback" not in log
    assert run.run() == 0
    assert f"train: resumed at step {step}\n" in run.log.read_text()
    assert run.outputs() == undisturbed.outputs()
