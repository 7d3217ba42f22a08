"""config/full.yaml with the real all-mpnet-base-v2, for a few steps on CPU, through the real scripts."""

import csv
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from lib import checkpoint, config, encoders, tokens
from lib.naics import bank, model
from lib.naics.taxonomy import CHANNELS
from lib.naics.texts import QUERY_CHANNEL

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
CPU = {"device": "cpu", "precision": "fp32", "seed": 1}
FEW = {"steps": 3, "batch_size": 8, "live_codes": 3, "triplet_batch": 8, "listwise_anchors": 16, "eval_steps": 0}
FEW |= {"adapter_descriptions": 0}  # the packaged source has few


@pytest.fixture(scope="session")
def trained(mpnet, tmp_path_factory) -> Path:
    """A folder with data, texts and the checkpoints of two chained stages of a few steps."""
    folder = tmp_path_factory.mktemp("full")
    knobs = full(mpnet)
    run("prepare_naics.py", f"--source packages --out {folder}/data")
    encoder = config.flags({"e": knobs["encoder"] | knobs["texts"]}, "e")
    kept = f"--token-cache {folder}/tokens --vectors {folder}/stage0.vectors --out {folder}/texts.safetensors"
    run("encode_naics.py", f"--data {folder}/data {encoder} {kept}")
    start = f"--vectors {folder}/stage0.vectors"
    for stage in ("stage1", "stage2"):
        layers = [CPU, knobs["encoder"], knobs["model"], knobs["train"], knobs["stages"][stage], FEW]
        merged = {key: value for layer in layers for key, value in layer.items()}
        places = f"--data {folder}/data --texts {folder}/texts.safetensors --state {folder}/state --name {stage}"
        outputs = f"--history {folder}/{stage}.csv --memory {folder}/{stage}.memory --out {folder}/{stage}.ckpt"
        run("train_naics_stage.py", f"{places} {start} {config.flags({'k': merged}, 'k')} {outputs}")
        start = f"--start {folder}/{stage}.ckpt --vectors {folder}/{stage}.memory"
    return folder


def full(mpnet: Path) -> dict:
    """The NAICS knobs of config/full.yaml over the defaults, with the weights on disk."""
    knobs = yaml.safe_load((ROOT / "config/naics.yaml").read_text())["naics"]
    over = yaml.safe_load((ROOT / "config/full.yaml").read_text())["naics"]
    for group, values in over.items():
        for key, value in values.items():
            knobs[group][key] = knobs[group][key] | value if isinstance(value, dict) else value
    knobs["encoder"]["encoder"] = str(mpnet)
    return knobs


def run(script: str, arguments: str) -> None:
    command = [sys.executable, str(ROOT / "scripts" / script), *shlex.split(arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_step_is_finite_and_moves_the_weights(trained):
    rows = list(csv.DictReader((trained / "stage2.csv").open()))
    assert len(rows) == FEW["steps"]
    assert all(float(row["grad_norm"]) > 0 for row in rows)


@pytest.mark.parametrize("channel", range(len(CHANNELS)))
def test_the_adapters_of_channels_with_texts_learn(trained, channel):
    tensors, _ = checkpoint.load(trained / "stage2.ckpt")
    learnt = [t.abs().max().item() for name, t in tensors.items() if f"stacks.{channel}." in name and "lora_B" in name]
    assert len(learnt) == 24, "query and value of twelve layers"
    has_texts = CHANNELS[channel] in ("title", "examples")  # the packaged source has titles and examples alone
    assert (max(learnt) > 0) == has_texts


def test_a_reloaded_model_is_the_saved_one_and_not_the_base(trained):
    tokenizer, base, network = model.load(trained / "stage2.ckpt")
    frozen, raw = bank.freeze(base, tokens.tokenize(tokenizer, ["growing soybeans", "diesel engine repair"], 16), 0)
    texts = bank.TextBank([frozen] * len(CHANNELS), base, 0)
    adapted = texts.encode(network.encode, QUERY_CHANNEL, np.arange(2))
    assert abs(adapted.numpy() - raw).max() > 1e-5
    _, _, again = model.load(trained / "stage2.ckpt")
    assert torch.equal(texts.encode(again.encode, QUERY_CHANNEL, np.arange(2)), adapted)


def test_the_base_is_mpnet_as_sentence_transformers_pools_it(mpnet):
    from sentence_transformers import SentenceTransformer

    said = ["growing soybeans", "repair of diesel engines in fishing boats"]
    tokenizer, base = encoders.load(str(mpnet))
    ours = torch.nn.functional.normalize(encoders.encode(base, tokens.tokenize(tokenizer, said, 32)), dim=1)
    theirs = SentenceTransformer(str(mpnet), device="cpu").encode(said, normalize_embeddings=True)
    assert abs(ours.numpy() - theirs).max() < 1e-5
