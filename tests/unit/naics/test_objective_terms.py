"""The terms of lib.naics.objective against plain loops over points, each code alone."""

import numpy as np
import pytest
import torch
from scipy.stats import pearsonr
from tiny_naics import PLAIN, SIZES, WEIGHTS, step_of

from lib import seeds
from lib.naics import objective
from lib.naics.features import query_features
from lib.naics.relations import tree_distance
from lib.naics.texts import QUERY_CHANNEL


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


@pytest.fixture(scope="module")
def by_hand(world):
    return ByHand(world, world.model(), world.bank(), step=3)  # the encoder's own dropout is off, like ours


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


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_dropped_channels_never_leave_a_code_with_nothing(share):
    present = (torch.rand(500, 4, generator=torch.Generator().manual_seed(1)) < 0.6).float()
    torch.manual_seed(1)
    kept = objective.drop_channels(present, share)
    assert (kept <= present).all()
    assert torch.equal(kept.any(1), present.any(1))
    assert torch.equal(kept, present) == (share in (0.0, 1.0)), "where all would go, all stay"
