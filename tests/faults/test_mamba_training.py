"""What the original training got wrong, and faults of training, through the real script.

The number in a test's name is its row in the table of faults; "fault" names a row of the original's own.
"""

import functools
import json
import sys

import numpy as np
import pytest
import torch
from in_process import places, run
from tiny_mamba_training import MADE, World

from lib import checkpoint, files
from lib.errors import BadInput
from lib.mamba import batches, kernels, model, objective


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("little-articles"))


def flags(world, folder, **changes: object) -> list[str]:
    return [*world.training(**changes), *places(folder, MADE)]


def train(world, folder, **changes: object) -> None:
    run("train_mamba_contrastive.py", *flags(world, folder, **changes))


def test_fault_no_validation_article_is_trained_on(world):
    """Windows of one article overlap: split by window, every one of validation had been seen in training."""
    drawn = batches.Batches(world.payload, 5, batches.Sampling(500, 0, 5, "pool", 0.0, 0.0), seed=1)
    batch = drawn.batch(0)
    trained = set(world.payload.articles[np.concatenate([batch.rows.ravel(), batch.targets, drawn.pool])])
    judged = set(world.payload.articles[world.payload.splits != "train"])
    assert not trained & judged


def test_fault_the_gate_inside_the_warm_up(world, tmp_path, run_script):
    end = run_script("train_mamba_contrastive.py", *flags(world, tmp_path, warmup_epochs=2.5))
    said = "mamba.train: warm-up of 8 steps ends after the gate, which judges at step 6"
    assert (end.returncode, end.stderr) == (2, f"train_mamba_contrastive.py: {said}\n")
    assert {path.name for path in tmp_path.iterdir()} == {"state"}


def test_fault_the_early_gate_stops_a_run_and_says_why(world, tmp_path, capsys):
    train(world, tmp_path, smoke_cosine=0.999)
    report = files.read_json(tmp_path / "s.smoke_gate.json")
    assert report["verdict"] == "block"
    assert [row["epoch"] for row in report["epochs"]] == [1, 2]
    judged = world.payload.splits == "validation"
    targets = np.flatnonzero(judged & (world.payload.positions >= 5))
    last = (world.payload.vectors[targets] * world.payload.vectors[targets - 1]).sum(axis=1).mean()
    assert report["baselines"]["last"] == pytest.approx(last, abs=1e-5)
    assert report["baselines"]["mean of the context"] > report["baselines"]["last"]
    assert len(files.read_json(tmp_path / "s.history.json")) == 2, "the third epoch was not trained"
    assert "stopped by the gate of epoch 2" in capsys.readouterr().err
    assert checkpoint.read_metadata(tmp_path / "s.ckpt")["smoke"] == "block"


def test_history_has_an_entry_for_each_epoch(world, tmp_path):
    train(world, tmp_path)
    history = json.loads((tmp_path / "s.history.json").read_text())
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert all(-1 <= row["val_cosine"] <= 1 for row in history)
    best = max(history, key=lambda row: row["validation"])
    assert best["validation"] >= history[-1]["validation"]
    assert (tmp_path / "s.history.csv").read_text().count("\n") == 1 + 3 * 3


@pytest.mark.parametrize("variant", ["h", "sandwich", "amn"])
def test_every_variant_is_trained_under_the_same_regimen(world, tmp_path, variant):
    train(world, tmp_path, variant=variant, n_layers=4)
    network = model.load(tmp_path / "s.ckpt")
    assert network.shape.variant == variant
    fresh = world.model(variant=variant, n_layers=4)
    assert not torch.equal(network.outlet.weight, fresh.outlet.weight)


def test_row_25_a_gpu_that_is_not_there(world, tmp_path, run_script):
    end = run_script("train_mamba_contrastive.py", *flags(world, tmp_path, device="cuda:7"))
    said = "device cuda:7: none here, expected cpu or a machine with a GPU"
    assert (end.returncode, end.stderr) == (2, f"train_mamba_contrastive.py: {said}\n")


def test_row_25_a_gpu_without_the_kernels(monkeypatch):
    """Never silently the slow way."""
    monkeypatch.setitem(sys.modules, "mamba_ssm", None)
    with pytest.raises(BadInput, match=r"^device cuda: the kernels of mamba-ssm cannot be imported \(.*\), expected"):
        kernels.load()


def test_row_26_a_loss_that_is_not_finite(world, diverges):
    diverges(objective.Objective, functools.partial(train, world), at=4, out="s.ckpt")
