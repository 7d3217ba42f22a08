"""Rows 21 and 22 for the training of the tickets: killed or stopped, it ends with the bytes of one left alone."""

import pytest
from disturbed import Training
from tiny_ticket_training import MADE, World


class Tickets(Training):
    script = "train_tickets.py"
    places = MADE


@pytest.fixture(scope="module")
def training(killer, tmp_path_factory):
    """`training(name)`: a folder of its own for every call."""
    folder = tmp_path_factory.mktemp("runs")
    flags = World(tmp_path_factory.mktemp("little-tickets")).training(max_forgetting=0.0, learning_rate=0.02)
    return lambda name: Tickets(killer, folder / name, flags)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9, 0.97])
def test_row_21_killed_at_a_file_operation(training, undisturbed, share):
    """Before the first state, between two, with a best model, and while the model's folder is written."""
    run = training(f"killed-{share}").killed(undisturbed, share)
    assert bool(run.resumed) == (share > 0.1)


def test_row_22_stopped_by_sigterm(training, undisturbed):
    training("stopped").stopped(undisturbed, 1 / 5)
