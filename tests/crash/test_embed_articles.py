"""Rows 21 and 22 for the encoding of a shard: killed or stopped, it goes on and ends with the same bytes."""

import signal
from typing import ClassVar

import pytest
from disturbed import Training
from tiny_articles import write_data
from tiny_naics import write_encoder


class Embedding(Training):
    script = "embed_articles.py"
    places: ClassVar = {"--state": "state", "--out": "shard"}


@pytest.fixture(scope="module")
def training(killer, tmp_path_factory):
    """`training(name)`: a folder of its own for every call."""
    place = tmp_path_factory.mktemp("embedding")
    flags = ["--data", write_data(place / "data"), "--encoder", write_encoder(place / "encoder"), "--save-chunks", 40]
    (place / "runs").mkdir()
    return lambda name: Embedding(killer, place / "runs" / name, [*map(str, flags)])


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 1.0])
def test_row_21_killed_at_a_file_operation(training, undisturbed, share):
    """Before the first block, between two, and while the shard is written."""
    run = training(f"killed-{share}").killed(undisturbed, share)
    assert run.operations < undisturbed.operations or share < 0.2  # blocks that were saved are not written again


def test_row_22_stopped_by_sigterm(training, undisturbed):
    run = training("stopped")
    assert run.run(kill=("file", undisturbed.operations // 2, signal.SIGTERM)) == 75
    assert "embed_articles.py: stopped by SIGTERM; the same command starts again" in run.log.read_text()
    assert "Traceback" not in run.log.read_text()
    assert run.run() == 0
    assert run.outputs() == undisturbed.outputs()


def test_a_state_of_other_settings_is_left_alone_and_said(training, undisturbed):
    run = training("changed")
    assert run.run("--max-length", "8", kill=("file", undisturbed.operations // 2, signal.SIGKILL)) == -signal.SIGKILL
    assert run.run() == 0
    assert "embed-1-of-1: a state of another run is here" in run.log.read_text()
    assert run.outputs() == undisturbed.outputs()
