"""The tickets of config/full.yaml with the real all-mpnet-base-v2, for a few steps on CPU, through the real scripts."""

import csv
import json
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from sentence_transformers import SentenceTransformer
from tiny_tickets import write_data

from lib import config

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("encoder", "model", "train", "retention", "probe", "head")  # of the config, whose knobs train
CPU = {"device": "cpu", "precision": "fp32", "seed": 1}
FEW = {
    "curriculum": "curriculum",
    "steps": 3,
    "batch_size": 4,
    "eval_steps": 0,
    "max_tokens": 64,
    "validation_tickets": 24,
    "max_forgetting": 1.0,
    "head_texts": 12,
    "retention_batch": 4,
}
TEXTS = ["VPN drops every morning", "the printer on the third floor jams and blinks an orange light"]


def run(script: str, arguments: str) -> str:
    command = [sys.executable, str(ROOT / "scripts" / script), *shlex.split(arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def trained(mpnet, tmp_path_factory) -> Path:
    """A folder with data, pairs and the model of three steps, one in each phase, with GradCache."""
    folder = tmp_path_factory.mktemp("full")
    write_data(folder / "data")
    run("build_ticket_pairs.py", f"--data {folder}/data --per-phase 12 --out {folder}/pairs.json")
    knobs = yaml.safe_load((ROOT / "config/tickets.yaml").read_text())["tickets"]
    over = yaml.safe_load((ROOT / "config/full.yaml").read_text())["tickets"]
    layers = [{**knobs[name], **over.get(name, {})} for name in LAYERS]
    merged = {key: value for layer in [CPU, *layers, {"encoder": str(mpnet)}, FEW] for key, value in layer.items()}
    places = f"--data {folder}/data --pairs {folder}/pairs.json --state {folder}/state"
    outputs = f"--history {folder}/history.csv --out {folder}/model"
    run("train_tickets.py", f"{places} {config.flags({'k': merged}, 'k')} {outputs}")
    return folder


def test_every_step_is_finite_and_moves_the_weights(trained):
    rows = list(csv.DictReader((trained / "history.csv").open()))
    assert [float(row["phase"]) for row in rows] == [1, 2, 3]
    assert all(float(row["grad_norm"]) > 0 for row in rows)


@pytest.mark.parametrize("dim", [768, 512, 256, 128, 64])
def test_a_user_loads_another_model_than_the_base_at_every_width(trained, mpnet, dim):
    raw, tuned = (
        SentenceTransformer(str(folder), truncate_dim=dim, device="cpu").encode(TEXTS, normalize_embeddings=True)
        for folder in (mpnet, trained / "model")
    )
    assert tuned.shape == (2, dim)
    assert np.linalg.norm(tuned, axis=1) == pytest.approx(np.ones(2), abs=1e-5)
    assert abs(tuned - raw).max() > 1e-3


def test_it_is_measured_and_searched(trained):
    read = f"--model {trained}/model --data {trained}/data"
    run(
        "eval_unified.py", f"tickets {read} --pairs {trained}/pairs.json --judged-pairs 40 --out {trained}/metrics.json"
    )
    metrics = json.loads((trained / "metrics.json").read_text())
    slices = {entry["slice"] for entry in metrics["metrics"] if entry["metric"] == "map"}
    assert {"masked", "masked at 64 dims", "unmasked"} <= slices
    run("embed_tickets.py", f"{read} --out {trained}/vectors")
    run("build_faiss_index.py", f"--vectors {trained}/vectors --metric cosine --out {trained}/index")
    answer = run("predict_tickets.py", f"'the vpn tunnel drops' {read} --index {trained}/index --top 3 --json")
    assert all(row["label"] == "vpn" for row in json.loads(answer)["similar"])
