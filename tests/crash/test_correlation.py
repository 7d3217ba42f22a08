"""Rows 21 and 22 for correlations: a training or a choice killed or stopped ends with the bytes of one left alone."""

from typing import ClassVar

import pytest
from disturbed import Training
from tiny_correlation_training import MADE, World


class Correlation(Training):
    script = "train_correlation.py"
    places = MADE


class Choice(Training):
    """Four trainings, one after the other, each with a state of its own."""

    script = "tune_correlation.py"
    places: ClassVar = {"--state": "state", "--out": "choice.json"}


@pytest.fixture(scope="module")
def training(killer, tmp_path_factory):
    """`training(name)`: a folder of its own for every call."""
    folder = tmp_path_factory.mktemp("runs")
    flags = World(tmp_path_factory.mktemp("little-pairs")).training(dropout=0.2)
    return lambda name: Correlation(killer, folder / name, flags)


@pytest.mark.parametrize("share", [0.02, 0.4, 0.8, 0.97])
def test_row_21_killed_at_a_file_operation(training, undisturbed, share):
    """Before the first state, between two, with a best model, and while the model's folder is written."""
    run = training(f"killed-{share}").killed(undisturbed, share)
    assert bool(run.resumed) == (share > 0.1)


def test_row_22_stopped_by_sigterm(training, undisturbed):
    training("stopped").stopped(undisturbed, 1 / 3)


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_row_21_a_choice_is_killed_at_a_file_operation(killer, tmp_path_factory, share):
    """In an early trial and in the last; what was tried before is taken up where its state was."""
    folder = tmp_path_factory.mktemp("choices")
    flags = World(tmp_path_factory.mktemp("little-pairs")).tuning(
        dropout=0.2, num_train_epochs=1, eval_steps=0, repeats=2, tried={"learning_rate": [0.01, 0.02]}
    )
    whole = Choice(killer, folder / "whole", flags)
    assert whole.run() == 0
    assert Choice(killer, folder / "killed", flags).killed(whole, share).resumed
