"""lib.naics.objective: what a gradient reaches, what a step depends on, and what must take no part in it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_naics import PLAIN, SIZES, step_of

from lib import seeds
from lib.checkpoint import trainable
from lib.compute import Compute
from lib.naics import lorentz
from lib.naics.taxonomy import CHANNELS
from lib.naics.texts import QUERY_CHANNEL


@pytest.fixture(scope="module")
def texts(world):
    return world.bank()


@pytest.fixture
def model(world):
    return world.model().train()


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(grad, other[name]) for name, grad in one.items())


# What a gradient reaches


def reached(gradients: dict[str, torch.Tensor], part: str) -> list[bool]:
    return [bool(grad.any()) for name, grad in gradients.items() if part in name]


def test_the_gradient_reaches_every_adapter_the_head_the_curvature_and_the_temperature(world, model, texts):
    goal = world.objective(model, texts, live_codes=30)
    totals: dict[str, torch.Tensor] = {}
    for step in range(3):  # a step may draw no code with exclusions, or give an expert no row
        _, gradients = step_of(goal, step)
        totals |= {name: grad.abs() + totals.get(name, 0) for name, grad in gradients.items()}
    assert sorted(totals) == sorted(trainable(model))
    assert [name for name, total in totals.items() if not total.any()] == []
    for channel in range(len(CHANNELS)):
        assert any(f"stacks.{channel}." in name for name in totals)


def test_without_live_codes_only_descriptions_train_their_encoder(world, model, texts):
    _, gradients = step_of(world.objective(model, texts, live_codes=0), 0)
    assert all(reached(gradients, f"stacks.{QUERY_CHANNEL}.") or [False])
    assert not any(found for channel in range(QUERY_CHANNEL) for found in reached(gradients, f"stacks.{channel}."))


@pytest.mark.parametrize(
    "change", [{"r": 0}, {"fusion": "linear"}, {"geometry": "euclidean"}, {"shared_encoder": True}]
)
def test_every_weight_of_every_architecture_learns(world, texts, change):
    """Among them the head alone on frozen vectors, which the geometries are compared with."""
    model = world.model(**change).train()
    goal = world.objective(model, texts, live_codes=53)
    for step in range(2):
        _, gradients = step_of(goal, step)
        silent = [name for name in trainable(model) if not (name in gradients and gradients[name].any())]
        assert silent == []
    assert (model.encoders is None) == ("r" in change)


def test_a_small_step_down_the_gradient_lowers_the_loss(world, model, texts):
    goal = world.objective(model.eval(), texts, **PLAIN | {"live_codes": 6})
    before, gradients = step_of(goal, 0)
    slope = sum(grad.double().square().sum().item() for grad in gradients.values())
    rate = 1e-3 * before["loss"] / slope
    with torch.no_grad():
        for name, weight in trainable(model).items():
            weight -= rate * gradients[name]
    after, _ = step_of(goal, 0)
    assert before["loss"] - after["loss"] == pytest.approx(rate * slope, rel=0.1)


# What a step depends on


def test_a_step_is_a_function_of_what_is_saved_and_of_seed_and_step(world, texts):
    def step_from_the_start(step: int):
        return step_of(world.objective(world.model(lora_dropout=0.1).train(), texts), step)

    forwards = {step: step_from_the_start(step) for step in (0, 1, 2)}
    backwards = {step: step_from_the_start(step) for step in (2, 1, 0)}
    for step, (terms, gradients) in forwards.items():
        assert backwards[step][0] == terms
        assert same(backwards[step][1], gradients)
    assert len({terms["loss"] for terms, _ in forwards.values()}) == 3


def test_what_was_encoded_is_remembered_and_saved_with_the_state(world, model, texts):
    goal = world.objective(model.eval(), texts)  # the encoder's own dropout is off
    before = {name: vectors.clone() for name, vectors in goal.features.named_buffers()}
    step_of(goal, 0)
    asked = seeds.shuffled_epochs(len(goal.query_rows), SIZES.batch_size, 1, "queries", 0)
    rows = np.unique(goal.query_rows[asked])
    fresh = texts.encode(model.encoders, QUERY_CHANNEL, rows).detach()
    torch.testing.assert_close(goal.features.vectors(QUERY_CHANNEL)[torch.from_numpy(rows)], fresh)
    changed = {name: (vectors != before[name]).any(1).sum() for name, vectors in goal.features.named_buffers()}
    assert changed["examples"] == len(rows)
    assert 0 < changed["title"] <= SIZES.live_codes
    assert {f"features.{name}" for name in CHANNELS} <= goal.state_dict().keys()


@pytest.mark.parametrize("purpose", ["queries", "live codes", "listwise anchors"])
def test_each_draw_has_a_stream_of_its_own(world, model, texts, purpose, monkeypatch):
    """A hash that ignored its purpose would draw the same numbers for all."""
    goal = world.objective(model, texts)
    before, _ = step_of(goal, 0)
    drawn = seeds.generator
    monkeypatch.setattr(
        seeds, "generator", lambda seed, what, step=0: drawn(seed + 7 * what.startswith(purpose), what, step)
    )
    assert step_of(goal, 0)[0]["loss"] != before["loss"]


def test_examples_that_are_asked_are_in_no_code_of_the_step(world, model, texts):
    """Ask all of them at once: no code has an example left."""
    seen = []
    model.head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs))
    asked = world.data.role("examples", "training", trained_only=True)[0]
    step_of(world.objective(model, texts, **PLAIN | {"batch_size": len(asked)}), 0)
    step_of(world.objective(model, texts, **PLAIN), 0)
    (_, all_asked), (_, few_asked) = seen
    assert all_asked[: len(asked), QUERY_CHANNEL].all()
    assert not all_asked[len(asked) :, QUERY_CHANNEL].any()
    assert few_asked[SIZES.batch_size :, QUERY_CHANNEL].any()


# Held-out families


def perturbed(texts, rows: list[np.ndarray]):
    """The bank with some texts of each channel saying something else entirely."""
    channels = []
    for own, changed in zip(texts.channels, rows):
        states = own.states.clone()
        for row in changed:
            first, last = own.tokens.offsets[row], own.tokens.offsets[row + 1]
            states[first:last] = 5 - states[first:last]
        channels.append(replace(own, states=states))
    return type(texts)(channels, texts.base, texts.cut)


def rows_by_side(world) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """For each channel, texts that only held-out codes use or ask for, and a text that trained codes use."""
    taxonomy, data = world.data.taxonomy, world.data
    entries, codes = data.role("examples", "training", "validation", "test")
    asked = data.query_rows(entries)
    held_out, trained = [], []
    for channel, own in enumerate(data.texts):
        sides = [np.unique(own.members[side].indices) for side in (taxonomy.held_out, ~taxonomy.held_out)]
        if channel == QUERY_CHANNEL:
            sides = [np.union1d(side, asked[taxonomy.held_out[codes] == which]) for side, which in zip(sides, (1, 0))]
        held_out.append(np.setdiff1d(*sides))
        trained.append(sides[1][:1])
    return held_out, trained


def test_held_out_families_take_no_part_in_training(world, texts):
    """Whatever their texts say, loss and gradients stay the same bits."""
    held_out, trained = rows_by_side(world)
    assert [len(rows) > 0 for rows in held_out] == [True] * 4
    before = world.objective(world.model().train(), texts, live_codes=53)
    after = world.objective(world.model().train(), perturbed(texts, held_out), live_codes=53)
    changed = world.objective(world.model().train(), perturbed(texts, trained), live_codes=53)
    for step in (0, 1):
        terms, gradients = step_of(before, step)
        assert step_of(after, step)[0] == terms
        assert same(step_of(after, step)[1], gradients)
        assert step_of(changed, step)[0]["loss"] != terms["loss"], "else the perturbation would prove nothing"


def test_no_triplet_and_no_query_is_of_a_held_out_family(world, model, texts):
    goal, held_out = world.objective(model, texts), world.data.taxonomy.held_out
    assert not held_out[goal.query_codes].any()
    assert held_out[world.data.role("examples", "training")[1]].any()
    for step in range(50):
        drawn = goal.triplets.batch(step)
        assert not held_out[np.concatenate([drawn.anchors, drawn.positives, drawn.negatives.ravel()])].any()


# Precision


def test_bf16_gives_nearly_the_same_step(world, model, texts):
    goal = world.objective(model.eval(), texts, **PLAIN | {"live_codes": 6})
    exact, _ = step_of(goal, 0)
    goal.machine = Compute(precision="bf16")
    rough, gradients = step_of(goal, 0)
    assert rough["loss"] == pytest.approx(exact["loss"], rel=0.05)
    assert rough["loss"] != exact["loss"]
    assert all(grad.dtype == torch.float32 and torch.isfinite(grad).all() for grad in gradients.values())


def test_points_stay_on_the_hyperboloid(world, model, texts):
    goal = world.objective(model, texts)
    points = model.head(*goal.features.gather(goal.codes))[0]
    assert points.dtype == torch.float64
    assert lorentz.violation(points, model.head.geometry.curvature) <= 1e-5
