"""What the original tickets got wrong, and faults of training and evaluation, through the real scripts.

The number in a test's name is its row in the table of faults; "fault" names a row of the original's own.
"""

import functools
import json

import numpy as np
import pytest
import torch
from in_process import places, run
from refusals import refused
from tiny_ticket_training import MADE, World

from lib import adapters, files, training
from lib.compute import Compute
from lib.errors import BadInput, BrokenModel
from lib.state import StateFolder
from lib.tickets import frozen, model, pairs, saving, validation
from lib.tickets.objective import Batches, Objective, columns
from lib.tickets.sampler import Sampler


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("little-tickets"))


def train(world, folder, *more: object, **changes: object) -> None:
    run("train_tickets.py", *world.training(**changes), *places(folder, MADE), *more)


def rewritten(world, path, **columns_of: list):
    path.write_text(json.dumps(files.read_json(world.pairs) | columns_of))
    return path


def test_fault_a_row_of_label_0_never_reaches_the_ranking_loss_as_a_positive(world, tmp_path):
    """The same anchor with a positive and a negative: the negative is a further candidate, and no pair of its own."""
    given = files.read_json(world.pairs)
    anchors, positives = given["texts1"], given["texts2"]
    wrong = anchors[:3], ["the coffee machine needs water"] * 3
    path = tmp_path / "pairs.json"
    path.write_text(
        json.dumps(
            {
                "texts1": [*anchors, *wrong[0]],
                "texts2": [*positives, *wrong[1]],
                "labels": [1] * len(anchors) + [0] * 3,
                "phase_indicators": [*given["phase_indicators"], 1, 1, 1],
            }
        )
    )
    drawn = columns(pairs.read(path))
    at = drawn.texts.index(wrong[1][0])
    assert at not in drawn.positives
    assert at not in drawn.anchors
    assert [drawn.texts[drawn.anchors[row]] for row in np.flatnonzero(drawn.negatives == at)] != []


def test_fault_dead_adapters_stop_the_training_and_nothing_is_saved(world, tmp_path, run_script):
    """A rate too small to move anything, as 5e-6 over a few steps nearly is."""
    end = run_script("train_tickets.py", *world.training(learning_rate=1e-12), *places(tmp_path, MADE))
    assert end.returncode == 1
    assert "Traceback" not in end.stderr
    last = end.stderr.splitlines()[-1]
    assert last.startswith("train_tickets.py: ")
    assert last.endswith(": the adapters have no effect")
    assert not (tmp_path / "model").exists()


def test_fault_adapters_around_the_wrong_level_are_measured_as_the_base(world, tmp_path):
    """The folder of the base under a model's name: evaluation refuses to give it figures."""
    saving.save(tmp_path / "model", world.fresh()[1], {"weight": 1.0})
    arguments = ["tickets", "--model", tmp_path / "model", "--data", world.data, "--pairs", world.pairs]
    with pytest.raises(BrokenModel, match=r"the adapters have no effect$"):
        run("eval_unified.py", *arguments, "--out", tmp_path / "metrics.json")
    assert not (tmp_path / "metrics.json").exists()


def test_fault_a_leaked_ticket_stops_training_and_evaluation(world, tmp_path, run_script):
    given = files.read_json(world.pairs)
    leaked = world.tickets.texts[world.tickets.rows("test")[0]]
    path = rewritten(world, tmp_path / "pairs.json", texts3=[leaked, *given["texts3"][1:]])
    said = f"{path}: 1 texts are tickets of another split, the first is {leaked!r} of test"
    assert refused(train, world, tmp_path, "--pairs", path) == said
    assert not (tmp_path / "model").exists()
    arguments = ["tickets", "--model", world.saved, "--data", world.data, "--pairs", path]
    end = run_script("eval_unified.py", *arguments, "--out", tmp_path / "metrics.json")
    assert (end.returncode, end.stderr) == (2, f"eval_unified.py: {said}\n")


def test_fault_one_schedule_and_three_phases_in_one_run(world, tmp_path):
    """The rate rises once and falls once while the phases go by; the original began anew with each."""
    train(world, tmp_path, steps=12, warmup_ratio=0.15, hold_ratio=0.2, floor_ratio=0.02)
    lines = (tmp_path / "history.csv").read_text().splitlines()
    names = lines[0].split(",")
    rows = [dict(zip(names, map(float, (value or "nan" for value in line.split(","))))) for line in lines[1:]]
    rates, phases = [row["learning_rate"] for row in rows], [row["phase"] for row in rows]
    peak = rates.index(max(rates))
    assert rates[:peak] == sorted(rates[:peak])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    settings = training.Settings(12, 0.01, 1, warmup_ratio=0.15, hold_ratio=0.2, floor_ratio=0.02)
    assert rates == [training.rate(settings, step) for step in range(12)]
    assert phases == sorted(phases)
    assert set(phases) == {1.0, 2.0, 3.0}


def test_fault_the_best_checkpoint_of_an_earlier_phase_is_not_overwritten(world, tmp_path):
    """Whatever the last phase does to the weights, those of the best validation are what remains."""
    tokenizer, encoder = world.fresh()
    settings = training.Settings(6, 0.05, seed=1, eval_steps=2)
    given = world.given
    sampler, drawn = Sampler(given.groups, given.phases, "curriculum", 4, 6, 1), columns(given)
    goal = Objective(frozen.freeze(encoder, tokenizer, drawn.texts), drawn, sampler, Batches(4), Compute())
    scores, kept = iter([0.1, 0.9, 0.3]), []

    def score() -> float:
        kept.append({name: weight.clone() for name, weight in encoder.named_parameters()})
        return next(scores)

    training.fit(encoder, goal.backward, settings, StateFolder("train", tmp_path / "state"), score)
    assert all(torch.equal(weight, kept[1][name]) for name, weight in encoder.named_parameters())
    assert not all(torch.equal(weight, kept[2][name]) for name, weight in encoder.named_parameters())


def test_fault_what_was_forgotten_is_given_back(world, tmp_path):
    """With nothing allowed, the saved weights lie between the base and what was trained."""
    train(world, tmp_path, max_forgetting=0.0, learning_rate=0.02)
    about = files.read_json(tmp_path / "model" / saving.ABOUT)
    others = about["weighed"][1:]
    chosen = next(row for row in others if row["weight"] == about["weight"])
    tokenizer, encoder = model.start(world.shape(), seed=1)  # the base, before it had a head
    raw = validation.of_foreign(encoder, tokenizer, world.tickets)()
    assert chosen["foreign_map"] >= raw
    allowed = [row for row in others if row["foreign_map"] >= raw]
    assert chosen["validation_map"] == max(row["validation_map"] for row in allowed)


@pytest.mark.parametrize("phase", [1, 2, 3])
def test_row_14_an_empty_phase_is_refused(world, tmp_path, phase):
    given = files.read_json(world.pairs)
    moved = [number % 3 + 1 if number == phase else number for number in given["phase_indicators"]]
    with pytest.raises(BadInput, match=rf"pairs\.json: phase {phase} .* has no pairs"):
        train(world, tmp_path, "--pairs", rewritten(world, tmp_path / "pairs.json", phase_indicators=moved))


def test_row_25_layers_that_the_encoder_does_not_have(world, tmp_path):
    said = r"^tickets.model.target_modules: no layer 'q' in the encoder, expected of: dense, key, query, value$"
    with pytest.raises(BadInput, match=said):
        train(world, tmp_path, target_modules=["q", "k", "v"])


def test_selected_layers_alone_are_adapted(world):
    _, encoder = world.fresh(target_modules=("query", "key", "value"))
    assert {name.rsplit(".", 1)[-1] for name in adapters.lora_layers(encoder)} == {"query", "key", "value"}


def test_shares_lie_between_the_base_and_all_that_was_trained():
    assert max(validation.SHARES) == 1
    assert min(validation.SHARES) > 0


def test_row_26_a_loss_that_is_not_finite(world, diverges):
    diverges(Objective, functools.partial(train, world), at=2, out="model")
