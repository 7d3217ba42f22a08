"""Row 26 for the tickets: a loss that is not finite stops the training before the update."""

import pytest
import torch
from in_process import run
from tiny_ticket_training import World

from lib import checkpoint
from lib.errors import Diverged
from lib.tickets import objective


def test_row_26_a_loss_that_is_not_finite(tmp_path, monkeypatch):
    """The state of the step before waits, with finite weights, and nothing else was written."""
    backward = objective.Objective.backward
    poisoned = lambda self, step: backward(self, step) | ({"loss": float("inf")} if step == 2 else {})  # noqa: E731
    monkeypatch.setattr(objective.Objective, "backward", poisoned)
    made = {"--state": "state", "--history": "history.csv", "--out": "model"}
    places = [word for flag, name in made.items() for word in (flag, tmp_path / name)]
    with pytest.raises(Diverged, match=r"^step 2: loss inf, .* stopped before the update$"):
        run("train_tickets.py", *World(tmp_path / "little").training(save_seconds=0), *places)
    (state,) = (tmp_path / "state").rglob("*.safetensors")
    tensors, about = checkpoint.load(state)
    assert about["step"] == 2 and all(torch.isfinite(tensor).all() for tensor in tensors.values())
    assert not (tmp_path / "model").exists() and not (tmp_path / "history.csv").exists()
