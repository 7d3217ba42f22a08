"""Faults of NAICS tables and of its training: what is missing, what is too little, what diverges.

The number in a test's name is its row in the table of faults.
"""

import polars as pl
import pytest
import torch
from in_process import run
from tiny_naics import World, write_data

from lib import checkpoint
from lib.errors import BadInput, Diverged
from lib.naics import dataset, objective
from lib.naics.tables import ENTRIES, EXCLUSIONS, TAXONOMY


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("little-naics"))


def train(world, folder, **changes: object) -> None:
    made = {"--history": "history.csv", "--out": "out.ckpt", "--memory": "out.memory", "--state": "state"}
    places = [word for flag, name in made.items() for word in (flag, folder / name)]
    run("train_naics_stage.py", *world.training(**changes), *places)


@pytest.mark.parametrize(
    ("table", "column"), [(TAXONOMY, "title"), (ENTRIES, "role"), (ENTRIES, "held_out"), (EXCLUSIONS, "target")]
)
def test_row_13_a_table_without_a_column(tmp_path, table, column):
    path = write_data(tmp_path / "data") / table
    pl.read_parquet(path).drop(column).write_parquet(path)
    with pytest.raises(BadInput) as error:
        dataset.load(tmp_path / "data")
    assert str(error.value).startswith(f"{path}: missing column {column!r}, ")


def test_row_18_more_negatives_than_a_pair_has(world, tmp_path):
    with pytest.raises(BadInput, match=r"^k_negatives 60: a pair has only \d+ negatives$"):
        train(world, tmp_path, k_negatives=60)
    assert not (tmp_path / "out.ckpt").exists() and not (tmp_path / "history.csv").exists()


def test_row_26_a_loss_that_is_not_finite(world, tmp_path, monkeypatch):
    """It stops before the update; the state of the step before waits, and the same command goes on from it."""
    backward = objective.Objective.backward
    poisoned = lambda self, step: backward(self, step) | ({"loss": float("nan")} if step == 3 else {})  # noqa: E731
    with monkeypatch.context() as patch:
        patch.setattr(objective.Objective, "backward", poisoned)
        with pytest.raises(Diverged, match=r"^step 3: loss nan, .* stopped before the update$"):
            train(world, tmp_path)
    (state,) = (tmp_path / "state").rglob("*.safetensors")
    tensors, about = checkpoint.load(state)
    assert about["step"] == 3 and all(torch.isfinite(tensor).all() for tensor in tensors.values())
    assert not (tmp_path / "out.ckpt").exists()
    train(world, tmp_path)
    train(world, tmp_path / "undisturbed")
    assert (tmp_path / "out.ckpt").read_bytes() == (tmp_path / "undisturbed" / "out.ckpt").read_bytes()
