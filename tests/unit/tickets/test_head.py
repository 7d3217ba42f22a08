"""lib.tickets.head: centred, softened as the definition says, turned without loss, and a function of the seed."""

import numpy as np
import pytest
import torch
from scipy.linalg import fractional_matrix_power
from sklearn.covariance import LedoitWolf

from lib.tickets import frozen, head, model
from lib.tickets.drawing import UNLABELLED
from lib.tickets.losses import matryoshka
from lib.tickets.objective import columns

MANY = 10_000  # pairs: all there are


def learn(world, steps: int, seed: int = 1, whitening: float = 0.2, pairs: int = MANY, **changes) -> model.Head | None:
    tokenizer, encoder = world.moved(**changes)
    given, knobs, drawn = world.given, head.Knobs(pairs, whitening, steps, 1e-2), columns(world.given)
    encoder.head = None
    return head.learn(frozen.freeze(encoder, tokenizer, drawn.texts), drawn, given.phases, knobs, 4, seed)


def vectors(world, texts: list[str]) -> torch.Tensor:
    tokenizer, encoder = world.moved()
    return torch.from_numpy(model.encode(encoder.base, model.tokenize(tokenizer, texts, encoder.shape)))


def test_without_whitening_it_centres_and_turns(world):
    """No cosine of centred vectors changes, and the mean of what it was learnt on becomes 0."""
    found, whole = learn(world, 25, whitening=0.0), vectors(world, columns(world.given).texts)
    centred = torch.nn.functional.normalize(whole - whole.mean(dim=0), dim=1)
    torch.testing.assert_close(found(whole) @ found(whole).T, centred @ centred.T, rtol=0, atol=1e-4)
    torch.testing.assert_close(whole.mean(dim=0) @ found.weight + found.bias, torch.zeros(32), rtol=0, atol=1e-5)


def test_the_rotation_is_free_at_full_width_and_pays_at_the_small_ones(world):
    given = world.given
    anchors, positives = vectors(world, list(given.anchors)), vectors(world, list(given.positives))
    before, after = learn(world, 0), learn(world, 40)
    torch.testing.assert_close(
        before(anchors) @ before(positives).T, after(anchors) @ after(positives).T, rtol=0, atol=1e-4
    )

    def loss(found: model.Head) -> float:
        firsts = [np.flatnonzero(given.groups == group)[0] for group in np.unique(given.groups)]
        return matryoshka(found(anchors)[firsts], found(positives)[firsts], (16, 8)).item()

    assert loss(after) < loss(before) - 0.05


@pytest.mark.parametrize("power", [0.15, 0.5])
def test_softening_is_a_power_of_sklearns_covariance_within_labels(power):
    rng = np.random.default_rng(0)
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 2, 2, 3, UNLABELLED, UNLABELLED])  # 3 stands alone
    given = (rng.normal(size=(4, 5))[labels] + rng.normal(size=(12, 5)) * np.arange(1, 6)).astype(np.float32)
    residuals = np.concatenate([given[labels == label] - given[labels == label].mean(axis=0) for label in range(3)])
    covariance = LedoitWolf(assume_centered=True).fit(residuals).covariance_
    assert head.softening(given, labels, power) == pytest.approx(fractional_matrix_power(covariance, -power), rel=1e-4)


def test_it_is_a_function_of_the_seed(world):
    first, again, other = learn(world, 5, pairs=20), learn(world, 5, pairs=20), learn(world, 5, pairs=20, seed=2)
    assert torch.equal(first.weight, again.weight)
    assert torch.equal(first.bias, again.bias)
    assert not torch.equal(first.weight, other.weight)


def test_no_pairs_no_head(world):
    assert learn(world, 5, pairs=0) is None


def test_one_width_has_nothing_to_turn(world):
    found, again = learn(world, 0, matryoshka_dims=(768,)), learn(world, 5, matryoshka_dims=(768,))
    assert torch.equal(found.weight, again.weight)


@pytest.mark.parametrize("k", [1, 4, 8])
def test_principal_axes_are_those_of_the_singular_values(k):
    """Eckart and Young 1936: no k numbers keep more of the inner products."""
    given = np.random.default_rng(0).normal(size=(50, 12)).astype(np.float32) * np.arange(1, 13, dtype=np.float32)
    left, singular, _ = np.linalg.svd(given, full_matrices=False)
    kept = given @ head.principal_axes(given)[:, :k]
    assert kept @ kept.T == pytest.approx((left[:, :k] * singular[:k] ** 2) @ left[:, :k].T, rel=1e-3, abs=1e-2)
