"""A real language model, Gemma 3 270M, through the real scripts on CPU: LoRA, QLoRA, numbers digit by digit, words."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_correlation_training import World
from transformers import AutoModelForCausalLM

from lib.compute import Compute
from lib.correlation import base, model
from lib.correlation.base import Shape
from lib.correlation.causal import CausalReader
from lib.correlation.losses import Loss
from lib.correlation.objective import Objective, Plan

pytestmark = pytest.mark.slow

ADAPTERS = {"lora_r": 8, "lora_alpha": 16, "lora_dropout": 0.0}
FEW = {"limit": 4, "num_train_epochs": 3, "per_device_train_batch_size": 2, "eval_steps": 0, "rag_top_k": 1}


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    return World(tmp_path_factory.mktemp("little-pairs"))


@pytest.fixture(scope="module")
def trained(world, gemma) -> Path:
    return world.trained("gemma", model=str(gemma), max_length=160, learning_rate=5e-4, **ADAPTERS, **FEW)


def test_the_hybrid_loss_falls(trained):
    rows = list(csv.DictReader((trained / "history.csv").open()))
    totals = [float(row["total_loss"]) for row in rows]
    assert len(totals) == 12
    assert np.mean(totals[-4:]) < 0.8 * np.mean(totals[:4])
    assert all(float(row["grad_norm"]) > 0 for row in rows)


def test_a_saved_model_reads_two_digits_and_writes_json(trained, world):
    loaded = model.load(trained / "model")
    assert isinstance(loaded.reader, CausalReader)
    assert loaded.reader.numbers.positions == 2
    a, b = world.held_out.seen.a_titles[:1], world.held_out.seen.b_titles[:1]
    (answer,) = loaded.answers(a, b, reasoning=True, max_new_tokens=12)
    assert json.loads(answer.json())["reasoning"]
    assert loaded.predict(b, a).numbers == pytest.approx([answer.underlying_correlation], abs=1e-5)


@pytest.fixture(scope="module")
def plain(gemma, tmp_path_factory) -> Path:
    """The same weights as a folder in full precision: four bits are made of these."""
    folder = tmp_path_factory.mktemp("plain")
    tokenizer, model = base.load(Shape(str(gemma)), Compute())
    del model.config.quantization_config  # a model from a .gguf file will not be saved
    whole = AutoModelForCausalLM.from_config(model.config)
    whole.load_state_dict(model.state_dict())
    whole.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_qlora_step_in_four_bits_reaches_the_adapters(world, plain):
    shape = Shape(str(plain), None, True, 160, **ADAPTERS)
    tokenizer, adapted = base.start(shape, Compute(), 1, [])
    assert any(type(layer).__name__ == "Linear4bit" for layer in adapted.modules())
    reader = CausalReader(adapted, tokenizer, Compute(), shape.max_length)
    losses = Objective(reader, world.taught, Loss(), Plan(per_device_train_batch_size=1)).backward(0)
    assert all(np.isfinite(list(losses.values())))
    learnt = [weight.grad for name, weight in adapted.named_parameters() if "lora_B" in name]
    assert learnt
    assert all(torch.isfinite(gradient).all() and gradient.abs().max() > 0 for gradient in learnt)
