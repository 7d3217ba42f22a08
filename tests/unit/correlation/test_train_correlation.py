"""Training through the real script: what is saved is what was trained, and the regression term does its work."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_correlation_training import HEAD, World

from lib import files
from lib.compute import Compute
from lib.correlation import model, objective, readers
from lib.correlation.base import Shape
from lib.correlation.losses import Loss
from lib.correlation.model import CorrelationModel
from lib.correlation.objective import Objective, Plan
from lib.correlation.reader import distribution

COLUMNS = ("step", "loss", "generation_loss", "regression_loss", "total_loss", "validation")


@pytest.fixture(scope="module")
def trained(world, base_folder) -> dict[str, Path]:
    """Folders of the packaged encoder's two arms, of the small Llama, and of LoRA on a model from disk."""
    little = {"max_length": 160, "limit": 12, "per_device_train_batch_size": 4, "eval_steps": 12}
    return {
        "hybrid": world.trained("hybrid", num_train_epochs=8),
        "ce_only": world.trained("ce_only", num_train_epochs=8, regression_loss_weight=0.0),
        "tiny": world.trained("tiny", model="tiny", learning_rate=1e-3, **little),
        "lora": world.trained("lora", model=str(base_folder), lora_r=4, lora_alpha=8, lora_dropout=0.0, **little),
    }


def history(folder: Path) -> list[dict[str, float]]:
    with (folder / "history.csv").open() as stream:
        return [{key: float(value) for key, value in row.items() if value} for row in csv.DictReader(stream)]


def numbers(folder: Path, world: World) -> np.ndarray:
    seen = world.held_out.seen
    return model.load(folder / "model").predict(seen.a_titles, seen.b_titles).numbers


@pytest.mark.parametrize("kind", ["hybrid", "ce_only", "tiny", "lora"])
def test_the_history_has_every_loss_and_the_loss_falls(trained, kind):
    rows = history(trained[kind])
    assert set(COLUMNS) <= {key for row in rows for key in row}
    assert [row["step"] for row in rows] == list(range(len(rows)))
    weight = 0.0 if kind == "ce_only" else 10.0
    for row in rows:
        assert row["total_loss"] == row["loss"]
        assert row["total_loss"] == pytest.approx(row["generation_loss"] + weight * row["regression_loss"], rel=1e-5)
    first, last = (np.mean([row["total_loss"] for row in part]) for part in (rows[:3], rows[-3:]))
    assert last < first


def test_fault_a_hybrid_and_a_ce_only_run_differ_from_the_first_update_on(trained, world):
    """In the original both were the same run: the second step's loss was equal to the last digit."""
    hybrid, ce_only = history(trained["hybrid"]), history(trained["ce_only"])
    assert hybrid[0]["generation_loss"] == ce_only[0]["generation_loss"]
    assert hybrid[1]["generation_loss"] != ce_only[1]["generation_loss"]
    assert abs(numbers(trained["hybrid"], world) - numbers(trained["ce_only"], world)).max() > 0.01


def test_fault_the_peak_rate_is_reached(trained):
    """The original warmed up for more steps than it had."""
    rates = [row["learning_rate"] for row in history(trained["hybrid"])]
    assert max(rates) == pytest.approx(0.01, rel=0.01)


def test_what_generalises_is_learnt(trained, world):
    """Two parties in one place against one party in two: told apart in places that training never saw."""
    found = numbers(trained["hybrid"], world)
    assert np.corrcoef(found, world.held_out.correlations)[0, 1] > 0.9


@pytest.mark.parametrize("kind", ["hybrid", "tiny", "lora"])
def test_a_reloaded_model_answers_whole_and_symmetric_json(trained, world, kind):
    loaded = model.load(trained[kind] / "model")
    a, b = world.held_out.seen.a_titles[:2], world.held_out.seen.b_titles[:2]
    answers = loaded.answers(a, b, reasoning=True, max_new_tokens=12)
    assert [answer.json() for answer in answers] == [answer.json() for answer in loaded.answers(a, b, True, 12)]
    told = loaded.predict(a, b)
    assert [answer.underlying_correlation for answer in answers] == pytest.approx(told.numbers.tolist(), abs=1e-6)
    assert loaded.predict(b, a).numbers == pytest.approx(told.numbers, abs=1e-6)
    assert ((told.intervals[:, 0] <= told.numbers) & (told.numbers <= told.intervals[:, 1])).all()
    assert all(answer.reasoning for answer in answers)


def test_adapters_are_a_peft_folder_that_peft_itself_loads(trained, base_folder, world):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    folder = trained["lora"] / "model"
    assert {"adapter_config.json", "adapter_model.safetensors", "tokenizer.json", "metrics.json"} <= {
        path.name for path in folder.iterdir()
    }
    base = AutoModelForCausalLM.from_pretrained(base_folder)
    whole = {name.rsplit(".", 1)[-1] for name, layer in base.named_modules() if isinstance(layer, torch.nn.Linear)}
    assert set(files.read_json(folder / "adapter_config.json")["target_modules"]) == whole - {"lm_head"}
    reader = model.load(folder).reader
    ids = torch.tensor([reader.prefix + reader.inputs(world.held_out.seen)[0]])
    raw = base(ids).logits.detach()
    theirs = PeftModel.from_pretrained(base, folder)(ids).logits.detach()
    assert torch.allclose(reader.model(ids).logits, theirs, atol=1e-5)
    assert abs(theirs - raw).max() > 1e-3


def test_qlora_adapts_four_bit_weights_and_comes_back(world, base_folder):
    """NF4 with double quantisation on CPU, through the script, which loads what it saved and compares."""
    few = {"max_length": 160, "limit": 4, "per_device_train_batch_size": 4, "eval_steps": 0, "num_train_epochs": 1}
    folder = world.trained("qlora", model=str(base_folder), use_4bit=True, lora_r=4, lora_dropout=0.0, **few)
    assert all(row["grad_norm"] > 0 for row in history(folder))
    layers = {type(layer).__name__ for layer in model.load(folder / "model").reader.modules()}
    assert "Linear4bit" in layers
    kept = next(p for p in model.load(folder / "model").reader.parameters() if type(p).__name__ == "Params4bit")
    assert (kept.quant_type, kept.compress_statistics) == ("nf4", True)


def test_metrics_are_the_errors_of_the_saved_model(trained, world):
    written = files.read_json(trained["hybrid"] / "model" / "metrics.json")
    assert set(written) == {"train", "validation", "test"}
    off = numbers(trained["hybrid"], world) - world.held_out.correlations
    assert written["validation"]["rmse"] == pytest.approx(np.sqrt((off**2).mean()), abs=1e-6)
    assert written["validation"]["mae"] == pytest.approx(abs(off).mean(), abs=1e-6)
    assert written["validation"]["accuracy_within_0.2"] == pytest.approx((abs(off) <= 0.2).mean())
    best = max(row["validation"] for row in history(trained["hybrid"]) if "validation" in row)
    assert written["validation"]["rmse"] == pytest.approx(-best, abs=1e-6), "the best weights are the saved ones"


def test_a_pair_that_is_known_is_not_told_its_own_answer(trained, world):
    """A training pair asked again: the index holds it, and every pair with one of its contracts."""
    loaded = model.load(trained["hybrid"] / "model")
    seen = world.taught.seen
    assert isinstance(loaded, CorrelationModel)
    for a, b, known in zip(seen.a_titles, seen.b_titles, seen.neighbours):
        assert {a, b}.isdisjoint({title for pair in known for title in (pair["a_title"], pair["b_title"])})


@pytest.mark.parametrize("name", ["minilm", "tiny"])
def test_a_step_is_a_function_of_seed_and_step(world, name):
    """Whatever steps came before; dropout is seeded by the loop."""
    losses = []
    for steps in ((0, 1, 2), (2,)):
        reader = readers.start(Shape(model=name, max_length=512), HEAD, Compute(), 1, world.taught)
        goal = Objective(reader.eval(), world.taught, Loss(), Plan(per_device_train_batch_size=4))
        losses.append([goal.backward(step) for step in steps][-1])
    assert losses[0] == losses[1]


@pytest.mark.parametrize("name", ["minilm", "tiny"])
def test_the_parts_of_a_batch_add_up_to_it(world, name):
    """Losses and every gradient, though the parts' answers have other numbers of tokens."""
    found = []
    for rows, parts in ((6, 1), (2, 3)):
        reader = readers.start(Shape(model=name, max_length=512), HEAD, Compute(), 1, world.taught)
        goal = Objective(reader.eval(), world.taught, Loss(), Plan(3, rows, parts))
        losses = goal.backward(0)
        found.append((losses, {n: p.grad.clone() for n, p in reader.named_parameters() if p.grad is not None}))
    (whole, gradient), (summed, gradients) = found
    assert summed == pytest.approx(whole, rel=1e-6)
    assert gradients.keys() == gradient.keys() != set()
    for parameter, expected in gradient.items():
        torch.testing.assert_close(gradients[parameter], expected, rtol=1e-4, atol=1e-6)


def test_untrained_readers_say_nothing_of_a_pair(world):
    """Before training the number head is nearly flat: its mean is near 0 and its deviation that of all scores."""
    reader = readers.start(Shape(), HEAD, Compute(), 1, world.taught)
    found = distribution(reader, world.held_out.seen)
    assert abs(found.mean).max() < 0.1
    assert found.deviation == pytest.approx(np.full(len(found.mean), np.sqrt(1.01 / 3)), abs=0.05)


def test_a_limit_takes_so_many_pairs_by_lot(world):
    few = objective.labelled(world.pairs, world.rag, "train", True, Plan(rag_top_k=3, limit=5))
    assert len(few) == 5
    assert len(objective.labelled(world.pairs, world.rag, "validation", True, Plan(rag_top_k=3, limit=5))) == 6
    titles = set(zip(world.taught.seen.a_titles, world.taught.seen.b_titles))
    assert set(zip(few.seen.a_titles, few.seen.b_titles)) < titles


def test_epochs_go_through_both_orders_of_every_pair():
    assert Plan(3, 4).settings(525).steps == 788  # 2 * 525 * 3 / 4, the last batch begun
    assert Plan(3, 4, 2).settings(525).steps == 394
