"""Rows 21 and 22 for a real training: killed or stopped, it ends with the bytes of one that was left alone."""

import shutil
import signal
from pathlib import Path

import pytest
from disturbed import Training
from tiny_naics import MADE, World


class Stage(Training):
    script = "train_naics_stage.py"
    places = MADE


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("little-naics"))


@pytest.fixture(scope="module")
def training(killer, world, tmp_path_factory):
    """`training(name, **knobs)`: a folder of its own for every call."""
    folder = tmp_path_factory.mktemp("runs")
    return lambda name, **knobs: Stage(killer, folder / name, world.training(**knobs))


def after(folder: Path) -> dict[str, str]:
    """Knobs of a stage that goes on from what another wrote."""
    return {"start": str(folder / "stage.ckpt"), "vectors": str(folder / "stage.memory")}


@pytest.mark.parametrize("share", [0.02, 0.2, 0.41, 0.83, 0.93, 0.99])
def test_row_21_killed_at_a_file_operation(training, undisturbed, share):
    """Before the first state, in the middle of one, between two, with a best model, and while outputs are written."""
    run = training(f"killed-{share}").killed(undisturbed, share)
    assert bool(run.resumed) == (share > 0.1)


def test_row_21_killed_again_and_again(training, undisturbed):
    """Each attempt goes on where the one before it died."""
    run, begun = training("again"), []
    for share in (0.3, 0.35):
        assert run.run(kill=("file", round(share * undisturbed.operations), signal.SIGKILL)) == -signal.SIGKILL
        begun += run.resumed
    run.killed(undisturbed, 0.4)
    assert len(begun) == 1
    assert begun + run.resumed == sorted(begun + run.resumed)


@pytest.mark.parametrize("share", [0.3, 0.5])
def test_row_22_stopped_by_sigterm(training, undisturbed, share):
    training(f"stopped-{share}").stopped(undisturbed, share)


def test_row_22_stopped_before_the_first_step(training, undisturbed):
    """While models are loaded there is nothing to save: the same command starts again."""
    run = training("early")
    assert run.run(kill=("file", 1, signal.SIGTERM)) == 75
    assert "train_naics_stage.py: stopped by SIGTERM; the same command starts again\n" in run.log.read_text()
    assert run.run() == 0
    assert run.outputs() == undisturbed.outputs()


def test_row_21_the_second_stage_from_the_first(training, undisturbed):
    harder = {"positive_levels": [4, 5, 6], **after(undisturbed.folder)}
    whole = training("stage2", **harder)
    assert whole.run() == 0, whole.log.read_text()
    training("stage2-killed", **harder).killed(whole, 0.5)
    assert whole.outputs()["stage.ckpt"] != undisturbed.outputs()["stage.ckpt"]


def test_row_25_a_stage_from_another_start_is_another_run(training, undisturbed, tmp_path):
    """The checkpoint's content counts: a state made from the old one is left alone, and it is said."""
    begin = shutil.copytree(undisturbed.folder, tmp_path / "begin")
    run = training("restarted", **after(begin))
    assert run.run(kill=("file", undisturbed.operations // 2, signal.SIGKILL)) == -signal.SIGKILL
    other = training("other", seed=2)
    assert other.run() == 0
    shutil.copytree(other.folder, begin, dirs_exist_ok=True)
    assert run.run() == 0
    assert "stage1: a state of another run is here;" in run.log.read_text()
    assert "resumed" not in run.log.read_text()
