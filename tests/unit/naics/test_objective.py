"""lib.naics.objective: every term against plain loops, what a gradient reaches, and what must take no part."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import pearsonr
from tiny_naics import SIZES, WEIGHTS

from lib import seeds
from lib.checkpoint import trainable
from lib.compute import Compute
from lib.naics import lorentz, objective
from lib.naics.features import query_features
from lib.naics.relations import tree_distance
from lib.naics.taxonomy import CHANNELS
from lib.naics.texts import QUERY_CHANNEL

PLAIN = {"query_dropout": 0.0, "code_dropout": 0.0, "channel_dropout": 0.0, "live_codes": 0}


@pytest.fixture(scope="module")
def texts(world):
    return world.bank()


@pytest.fixture
def model(world):
    return world.model().train()


def step_of(goal, step: int) -> tuple[dict[str, float], dict[str, torch.Tensor]]:
    """Terms and gradients of one step, called as the training loop calls it."""
    goal.model.zero_grad(set_to_none=True)
    seeds.seed_torch(1, "forward", step)
    terms = goal.backward(step)
    return terms, {name: weight.grad for name, weight in trainable(goal.model).items() if weight.grad is not None}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(grad, other[name]) for name, grad in one.items())


# The terms, by hand


class ByHand:
    """A step's points without the objective: descriptions and trained codes each alone through the head."""

    def __init__(self, world, model, texts, step: int) -> None:
        goal = world.objective(model, texts, **PLAIN)
        self.terms, _ = step_of(goal, step)
        self.taxonomy, self.drawn = world.data.taxonomy, goal.triplets.batch(step)
        asked, owners = world.data.role("examples", "training", trained_only=True)
        chosen = seeds.shuffled_epochs(len(asked), SIZES.batch_size, 1, "queries", step)
        rows = world.data.query_rows([asked[number] for number in chosen])
        self.truth = owners[chosen]
        self.codes = [row for row in range(len(self.taxonomy)) if not self.taxonomy.held_out[row]]
        with torch.no_grad():
            vectors = [texts.encode(model.encoders, QUERY_CHANNEL, rows[at : at + 1]) for at in range(len(rows))]
            self.queries = torch.cat([model.head(*query_features(vector))[0] for vector in vectors]).numpy()
            features = goal.features.gather(np.array(self.codes), without=rows)
            self.points = dict(zip(self.codes, model.head(*features)[0].numpy()))
            self.temperature = model.head.log_temperature.exp().item()
            self.c = model.head.geometry.curvature.item()
        self.tree = tree_distance(self.taxonomy).astype(float)

    def distance(self, u, v) -> float:
        return np.arccosh(max(1.0, self.c * (u[0] * v[0] - u[1:] @ v[1:]))) / self.c**0.5


@pytest.fixture
def by_hand(world, model, texts):
    return ByHand(world, model.eval(), texts, step=3)  # the encoder's own dropout is off, like ours


def test_the_query_loss_by_hand(by_hand):
    """Cross-entropy among trained leaves; a share of the target follows the tree."""
    leaves = [row for row in by_hand.codes if by_hand.taxonomy.level[row] == 6]
    losses = []
    for query, truth in zip(by_hand.queries, by_hand.truth):
        scores = np.array([-by_hand.distance(query, by_hand.points[leaf]) / by_hand.temperature for leaf in leaves])
        log_p = scores - np.log(np.exp(scores - scores.max()).sum()) - scores.max()
        near = np.exp(-by_hand.tree[truth, leaves] / WEIGHTS.tree_temperature)
        own = -log_p[leaves.index(truth)]
        losses.append(0.9 * own + 0.1 * -(near / near.sum() * log_p).sum())
    assert by_hand.terms["query"] == pytest.approx(np.mean(losses), rel=1e-4)


def test_the_triplet_loss_by_hand(by_hand):
    drawn, losses = by_hand.drawn, []
    for anchor, positive, negatives in zip(drawn.anchors, drawn.positives, drawn.negatives):
        near = by_hand.distance(by_hand.points[anchor], by_hand.points[positive])
        far = [by_hand.distance(by_hand.points[anchor], by_hand.points[negative]) for negative in negatives]
        odds = sum(np.exp((near - distance) / by_hand.temperature) for distance in far)
        losses.append(np.log(1 + odds))
    assert by_hand.terms["triplet"] == pytest.approx(np.mean(losses), rel=1e-4)


def test_the_tree_losses_by_hand(by_hand):
    """From each drawn anchor to all other codes: divergence of the two softmaxes, and scipy's correlation."""
    rng = seeds.generator(1, "listwise anchors", 3)
    places = rng.choice(len(by_hand.codes), SIZES.listwise_anchors, replace=False)
    divergences, every_distance, every_edge = [], [], []
    for anchor in (by_hand.codes[place] for place in places):
        others = [row for row in by_hand.codes if row != anchor]
        distances = np.array([by_hand.distance(by_hand.points[anchor], by_hand.points[row]) for row in others])
        edges = by_hand.tree[anchor, others]
        p = np.exp(-edges / WEIGHTS.tree_temperature) / np.exp(-edges / WEIGHTS.tree_temperature).sum()
        q = np.exp(-distances / WEIGHTS.listwise_temperature)
        divergences.append((p * np.log(p * q.sum() / q)).sum())
        every_distance.extend(distances)
        every_edge.extend(edges)
    assert by_hand.terms["listwise"] == pytest.approx(np.mean(divergences), rel=1e-4)
    assert by_hand.terms["tree"] == pytest.approx(1 - pearsonr(every_distance, every_edge).statistic, rel=1e-4)


def test_the_loss_is_the_weighted_sum(by_hand):
    names = ("query", "triplet", "listwise", "tree", "balance")
    expected = sum(getattr(WEIGHTS, name) * by_hand.terms[name] for name in names)
    assert by_hand.terms["loss"] == pytest.approx(expected, rel=1e-6)
    assert 1 <= by_hand.terms["balance"] < 4


def test_correlation_is_scipys():
    x, y = torch.randn(2, 6, 9, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    y += 0.5 * x
    assert objective.pearson(x, y).item() == pytest.approx(pearsonr(x.flatten(), y.flatten()).statistic, rel=1e-12)


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


# Dropout and precision


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_dropped_channels_never_leave_a_code_with_nothing(share):
    present = (torch.rand(500, 4, generator=torch.Generator().manual_seed(1)) < 0.6).float()
    torch.manual_seed(1)
    kept = objective.drop_channels(present, share)
    assert (kept <= present).all()
    assert torch.equal(kept.any(1), present.any(1))
    assert torch.equal(kept, present) == (share in (0.0, 1.0)), "where all would go, all stay"


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
