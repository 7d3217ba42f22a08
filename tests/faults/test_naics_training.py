"""Faults of NAICS tables and of its training: what is missing, what is too little, what diverges.

The number in a test's name is its row in the table of faults.
"""

import functools

import polars as pl
import pytest
from in_process import places, run
from refusals import refused
from tiny_naics import MADE, World, write_data

from lib.errors import BadInput
from lib.naics import dataset, objective
from lib.naics.tables import ENTRIES, EXCLUSIONS, TAXONOMY


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("little-naics"))


def train(world, folder, **changes: object) -> None:
    run("train_naics_stage.py", *world.training(**changes), *places(folder, MADE))


@pytest.mark.parametrize(
    ("table", "column"), [(TAXONOMY, "title"), (ENTRIES, "role"), (ENTRIES, "held_out"), (EXCLUSIONS, "target")]
)
def test_row_13_a_table_without_a_column(tmp_path, table, column):
    path = write_data(tmp_path / "data") / table
    pl.read_parquet(path).drop(column).write_parquet(path)
    assert refused(dataset.load, tmp_path / "data").startswith(f"{path}: missing column {column!r}, ")


def test_row_18_more_negatives_than_a_pair_has(world, tmp_path):
    with pytest.raises(BadInput, match=r"^k_negatives 60: a pair has only \d+ negatives$"):
        train(world, tmp_path, k_negatives=60)
    assert {path.name for path in tmp_path.iterdir()} == {"state"}


def test_row_26_a_loss_that_is_not_finite(world, diverges):
    diverges(objective.Objective, functools.partial(train, world), at=3, out="stage.ckpt")
