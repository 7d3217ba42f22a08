"""lib.parallel: two processes train what one does, to rounding, and a run that lost one of them goes on."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from in_process import places
from tiny_correlation_training import World as Correlation
from tiny_mamba_training import World as Mamba
from tiny_naics import World
from tiny_ticket_training import World as Tickets

from lib import checkpoint
from lib.provenance import SCRIPTS

TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node")
MADE = {"--state": "state", "--history": "history.csv", "--out": "model"}
SAME = 2e-3  # relative; sums of fp32 in another order, grown by the steps' own curvature


class Run:
    """One training script in a folder of its own."""

    def __init__(self, folder: Path, script: str, flags: list[str]) -> None:
        folder.mkdir()
        self.folder, self.log = folder, folder.with_suffix(".log")
        self.command = [str(SCRIPTS / script), *flags, *places(folder, MADE)]

    def start(self, processes: int) -> subprocess.Popen:
        launcher = [*TORCHRUN, str(processes), "--"] if processes > 1 else []
        with self.log.open("w") as log:
            return subprocess.Popen([sys.executable, *launcher, *self.command], stdout=log, stderr=log)

    def __call__(self, processes: int) -> "Run":
        assert self.start(processes).wait() == 0, self.log.read_text()
        return self

    @property
    def losses(self) -> np.ndarray:
        """Loss and gradient norm by step, `(steps, 2)`."""
        with (self.folder / "history.csv").open() as file:
            return np.array([[float(row["loss"]), float(row["grad_norm"])] for row in csv.DictReader(file)])


@pytest.fixture(scope="module")
def naics(tmp_path_factory):
    """`naics(name)`: the first stage with every random layer on, on its own folder."""
    folder, world = tmp_path_factory.mktemp("runs"), World(tmp_path_factory.mktemp("naics"))
    flags = world.training(lora_dropout=0.1)

    def made(name: str) -> Run:
        return Run(folder / name, "train_naics_stage.py", [*flags, "--memory", str(folder / name / "memory")])

    return made


@pytest.fixture(scope="module")
def alone(naics):
    return naics("alone")(1)


@pytest.fixture(scope="module")
def together(naics):
    return naics("together")(2)


def test_two_processes_train_what_one_does(alone, together):
    """Loss and gradient of every step: negatives, expert loads and remembered vectors are those of the whole batch."""
    assert len(alone.losses) == 5
    assert together.losses == pytest.approx(alone.losses, rel=SAME)
    assert_same_weights(together, alone)


def assert_same_weights(together: Run, alone: Run) -> None:
    ours, theirs = (checkpoint.load(run.folder / "model")[0] for run in (together, alone))
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        assert ours[name].numpy() == pytest.approx(tensor.numpy(), rel=0, abs=SAME), name


def test_one_writes_and_logs(together):
    assert together.log.read_text().count("stage1: step 4 ") == 1
    assert sorted(path.name for path in together.folder.iterdir()) == ["history.csv", "memory", "model", "state"]


def test_row_21_one_of_two_processes_is_killed(naics, together):
    """torchrun stops the other; the same command goes on from the state and ends with the same bytes."""
    run = naics("killed")
    launcher = run.start(2)
    while not list(run.folder.glob("state/stage1/*.safetensors")):
        assert launcher.poll() is None, run.log.read_text()
        time.sleep(0.01)
    workers = Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split()
    os.kill(int(workers[-1]), signal.SIGKILL)
    assert launcher.wait() != 0
    assert not (run.folder / "model").exists()
    assert "stage1: resumed at step" in run(2).log.read_text()
    for name in ("model", "history.csv", "memory"):
        assert (run.folder / name).read_bytes() == (together.folder / name).read_bytes(), name


def test_tickets_share_the_chunks_of_grad_cache(tmp_path):
    flags = Tickets(tmp_path / "tickets").training(grad_cache=True, max_tokens=64, lora_dropout=0.1)
    one, two = (Run(tmp_path / str(n), "train_tickets.py", flags)(n) for n in (1, 2))
    assert two.losses == pytest.approx(one.losses, rel=SAME)


def test_mamba_shares_the_micro_batches(tmp_path):
    """Whole articles, with dropout and noise; the early gate says the same of both."""
    flags = Mamba(tmp_path / "mamba").training(micro_batch=2)

    def run(name: str) -> Run:
        folder = tmp_path / name
        more = ["--epochs-out", str(folder / "epochs.json"), "--smoke-out", str(folder / "smoke.json")]
        return Run(folder, "train_mamba_contrastive.py", [*flags, *more])

    one, two = run("one")(1), run("two")(2)
    assert two.losses == pytest.approx(one.losses, rel=SAME)
    assert_same_weights(two, one)
    gates = [json.loads((each.folder / "smoke.json").read_text()) for each in (one, two)]
    assert gates[0]["verdict"] == gates[1]["verdict"]


def test_correlation_shares_the_parts_of_a_batch(tmp_path):
    """A language model; the parts' answers have different numbers of tokens."""
    sizes = {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2, "limit": 8, "eval_steps": 2}
    flags = Correlation(tmp_path / "correlation").training(model="tiny", max_length=160, num_train_epochs=2, **sizes)
    one, two = (Run(tmp_path / str(n), "train_correlation.py", flags)(n) for n in (1, 2))
    assert len(one.losses) == 4
    assert two.losses == pytest.approx(one.losses, rel=SAME)
    assert sorted(path.name for path in two.folder.iterdir()) == ["history.csv", "model", "state"]
