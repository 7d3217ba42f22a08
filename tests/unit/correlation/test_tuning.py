"""Knobs and doubts by pairs of held-out events, against trainings and counts made by hand."""

import numpy as np
import pytest
import torch
from in_process import places, run
from tiny_correlation_training import HEAD, MADE, PLAN

from lib import files, seeds, training
from lib.compute import Compute
from lib.correlation import calibration, folds, readers, tuning
from lib.correlation.base import Shape
from lib.correlation.calibration import FLOOR
from lib.correlation.losses import Loss
from lib.correlation.objective import Objective, Plan
from lib.correlation.reader import distribution
from lib.correlation.tuning import Search
from lib.errors import BadInput
from lib.state import StateFolder

TRIED = {"learning_rate": [1e-4, 0.02], "regression_loss_weight": [1.0, 30.0]}
QUICK = {"eval_steps": 0, "num_train_epochs": 4}


@pytest.fixture(scope="module")
def drawn(world):
    return folds.drawn(world.pairs, repeats=6, judged_share=0.15, seed=1)


def events(pairs, rows):
    return {*pairs.a_events[rows], *pairs.b_events[rows]}


def test_row_8_no_event_teaches_and_judges_and_no_test_pair_takes_part(world, drawn):
    pairs = world.pairs
    seen = {*pairs.rows("train"), *pairs.rows("validation")}
    for taught, judged in drawn:
        assert len(taught) and len(judged)
        assert not events(pairs, taught) & events(pairs, judged)
        assert {*taught, *judged} <= seen
    held_out = [events(pairs, judged) for _, judged in drawn]
    assert len(set.union(*held_out)) > max(map(len, held_out)), "every draw is another"


def test_folds_are_a_function_of_the_seed(world, drawn):
    again, other = (folds.drawn(world.pairs, 6, 0.15, seed) for seed in (1, 2))
    assert all(np.array_equal(a.judged, b.judged) for a, b in zip(drawn, again))
    assert not all(np.array_equal(a.judged, b.judged) for a, b in zip(drawn, other))


def test_of_the_random_split_pairs_are_drawn_in_their_share(world):
    pool = [*world.pairs.rows("train", False), *world.pairs.rows("validation", False)]
    for taught, judged in folds.drawn(world.pairs, 3, 0.15, 1, disjoint=False):
        assert sorted([*taught, *judged]) == sorted(pool)
        assert len(judged) == round(0.15 * len(pool))


def test_no_repeats_leave_the_split_as_it_is(world):
    ((taught, judged),) = folds.drawn(world.pairs, 0, 0.15, 1)
    assert taught.tolist() == world.pairs.rows("train").tolist()
    assert judged.tolist() == world.pairs.rows("validation").tolist()


def test_a_share_that_leaves_a_side_without_pairs_names_the_key(world):
    with pytest.raises(BadInput, match=r"^correlation\.tune\.judged_share 0\.01: a side has no pair"):
        folds.drawn(world.pairs, 2, 0.01, 1, disjoint=False)


def test_retrieval_of_a_fold_knows_what_teaches_in_it_alone(world, drawn):
    pairs = world.pairs
    for fold, parts in zip(drawn, tuning.labelled(pairs, drawn, "minilm", PLAN)):
        taught = {pairs.ids[row] for row in fold.taught}
        for part in parts:
            assert all(len(known) == PLAN.rag_top_k or part is parts[0] for known in part.seen.neighbours)
            assert {one["id"] for known in part.seen.neighbours for one in known} <= taught


def by_hand(parts, plan: Plan, loss: Loss):
    """A training in plain torch, and the chances of the fold's judged pairs."""
    taught, held_out = parts
    reader = readers.start(Shape(), HEAD, Compute(), plan.seed, taught)
    goal, settings = Objective(reader, taught, loss, plan), plan.settings(len(taught))
    optimizer = torch.optim.AdamW(reader.parameters(), weight_decay=settings.weight_decay)
    reader.train()
    for step in range(settings.steps):
        seeds.seed_torch(plan.seed, "forward", step)
        optimizer.param_groups[0]["lr"] = training.rate(settings, step)
        optimizer.zero_grad()
        goal.backward(step)
        torch.nn.utils.clip_grad_norm_(reader.parameters(), settings.max_grad_norm)
        optimizer.step()
    return distribution(reader.eval(), held_out.seen).chances


def test_what_judges_is_said_by_models_that_never_saw_it(world, drawn, tmp_path):
    plan, loss = Plan(4, 8, learning_rate=0.02, rag_top_k=3), Loss(30.0)
    seen = tuning.labelled(world.pairs, drawn[:2], "minilm", plan)
    place = StateFolder("here", tmp_path / "state.safetensors")
    found = tuning.judged(
        seen, lambda taught: readers.start(Shape(), HEAD, Compute(), plan.seed, taught), loss, plan, place
    )
    chances = np.concatenate([by_hand(parts, plan, loss) for parts in seen])
    np.testing.assert_allclose(found.found.chances, chances, atol=1e-6)
    truth = np.concatenate([world.pairs.correlations[fold.judged] for fold in drawn[:2]])
    assert found.truth.tolist() == truth.tolist()
    assert found.rmse == pytest.approx(np.sqrt(((chances @ np.linspace(-1, 1, 201) - truth) ** 2).mean()), abs=1e-6)


@pytest.fixture(scope="module")
def chosen(world):
    out = world.folder / "choice.json"
    flags = world.tuning(**QUICK, tried=TRIED, repeats=3)
    run("tune_correlation.py", *flags, "--state", world.folder / "tuning", "--out", out)
    return out


def test_the_best_of_all_combinations_is_chosen(chosen, world):
    told = files.read_json(chosen)
    assert len(told["tried"]) == 4
    best = min(told["tried"], key=lambda trial: trial["rmse"])
    assert told["chosen"] == {name: best[name] for name in TRIED}
    assert told["chosen"]["learning_rate"] == 0.02, "at a rate of 1e-4 nothing is learnt in so few steps"
    assert not list((world.folder / "tuning").rglob("*.safetensors")), "no state stays"


def test_doubts_are_those_of_the_pairs_that_judged(chosen, world):
    """The interval's width by sorting the residuals of every fold's own model, and counts of what it holds."""
    told = files.read_json(chosen)
    trial = tuning.laid(told["chosen"], HEAD, Loss(), Plan(**{**vars(PLAN), **QUICK}))
    loss, plan = trial.loss, trial.plan
    drawn = folds.drawn(world.pairs, 3, 0.15, plan.seed)
    seen = tuning.labelled(world.pairs, drawn, "minilm", plan)
    chances = np.concatenate([by_hand(parts, plan, loss) for parts in seen])
    truth = np.concatenate([world.pairs.correlations[fold.judged] for fold in drawn])
    values = np.linspace(-1, 1, 201)
    mean = chances @ values
    deviation = np.sqrt(chances @ values**2 - mean**2)
    ratios = np.sort(abs(mean - truth) / np.maximum(deviation, FLOOR))
    place = min(len(ratios), int(np.ceil(0.9 * (len(ratios) + 1))))
    assert told["judged"] == {"folds": 3, "pairs": len(truth)}
    assert told["calibration"]["width"] == pytest.approx(ratios[place - 1], rel=1e-4)
    _, doubts = tuning.read(chosen)
    assert isinstance(doubts, calibration.Calibration)


def test_training_takes_the_chosen_knobs_and_doubts(chosen, world):
    told = files.read_json(chosen)
    folder = world.folder / "by-choice"
    run("train_correlation.py", *world.training(**QUICK), "--choice", chosen, *places(folder, MADE))
    about = files.read_json(folder / "model" / "reader.json")
    assert about["calibration"] == told["calibration"]
    assert about["plan"]["learning_rate"] == told["chosen"]["learning_rate"]
    assert about["loss"]["regression_loss_weight"] == told["chosen"]["regression_loss_weight"]
    assert (about["plan"]["num_train_epochs"], about["plan"]["rag_top_k"]) == (4, PLAN.rag_top_k)


def test_nothing_to_try_is_one_trial_with_the_given_knobs():
    (only,) = Search({}).trials(HEAD, Loss(3.0), PLAN)
    assert (only.knobs, only.head, only.loss, only.plan) == ({}, HEAD, Loss(3.0), PLAN)


def test_a_knob_that_is_none_and_a_value_that_cannot_be_are_named():
    with pytest.raises(
        BadInput, match=r"^correlation\.tune\.tried: heats, expected knobs of correlation\.head or \.train$"
    ):
        Search({"heats": [2]}).trials(HEAD, Loss(), PLAN)
    with pytest.raises(BadInput, match=r"regression_loss_type 'rmse': expected one of"):
        Search({"regression_loss_type": ["mse", "rmse"]}).trials(HEAD, Loss(), PLAN)


def test_row_13_a_choice_that_is_none_is_named(tmp_path):
    files.write_json(tmp_path / "choice.json", {"chosen": {}})
    with pytest.raises(BadInput, match=r"choice\.json: missing calibration, expected an object with chosen"):
        tuning.read(tmp_path / "choice.json")


def test_without_retrieval_no_neighbours_are_seen(world):
    assert world.rag.neighbours(["Will Ann win?"], ["Will Bob win?"], 0) == [[]]
