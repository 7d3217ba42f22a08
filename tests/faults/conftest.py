"""How every script must fail, and how a training must: one line, nothing half-written, nothing lost."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lib import checkpoint, files
from lib.errors import Diverged


@pytest.fixture
def refused_by(run_script, tmp_path):
    """`refused_by("x.py", "--flag", value, said="...")`: exit code 2 and this line; only locks may be new after."""

    def run(name: str, *arguments: object, said: str) -> None:
        before = set(tmp_path.rglob("*"))
        end = run_script(name, *arguments)
        assert (end.returncode, end.stdout, end.stderr) == (2, "", f"{name}: {said}\n")
        new = set(tmp_path.rglob("*")) - before
        locks = {path for path in new if path.name == "lock"}
        assert new - locks <= {folder for lock in locks for folder in lock.parents}

    return run


@pytest.fixture
def diverges(monkeypatch, tmp_path):
    """Row 26, of a training into a folder: a loss that is not finite stops it before the update.

    The state of the step before waits with finite weights, nothing else was written, and the same command goes on
    from there to the bytes of a run that had no such loss.
    """

    def check(objective: type, train: Callable[[Path], None], at: int, out: str) -> None:
        backward = objective.backward
        poisoned = lambda self, step: backward(self, step) | ({"loss": math.nan} if step == at else {})  # noqa: E731
        with monkeypatch.context() as patch:
            patch.setattr(objective, "backward", poisoned)
            with pytest.raises(Diverged, match=rf"^step {at}: loss nan, .* stopped before the update$"):
                train(tmp_path)
        assert {path.name for path in tmp_path.iterdir()} == {"state"}
        (state,) = (tmp_path / "state").rglob("*.safetensors")
        tensors, about = checkpoint.load(state)
        assert about["step"] == at and all(torch.isfinite(tensor).all() for tensor in tensors.values())
        train(tmp_path)
        train(tmp_path / "undisturbed")
        assert files.sha256(tmp_path / out) == files.sha256(tmp_path / "undisturbed" / out)

    return check
