"""lib.tickets.rotation: orthogonal, best by the principal axes, better by learning, and a function of the seed."""

import numpy as np
import pytest
import torch

from lib.tickets import model, rotation
from lib.tickets.losses import matryoshka
from lib.tickets.objective import columns
from lib.tickets.rotation import Rotation


def learn(world, steps: int, seed: int = 1, **changes) -> torch.Tensor | None:
    tokenizer, encoder = world.moved(**changes)
    given = world.given
    return rotation.learn(encoder, tokenizer, columns(given), given.phases, Rotation(steps, 30, 1e-2), 4, seed)


def vectors(world, texts: list[str]) -> torch.Tensor:
    tokenizer, encoder = world.moved()
    return torch.from_numpy(model.encode(encoder.base, model.tokenize(tokenizer, texts, encoder.shape)))


@pytest.mark.parametrize("steps", [1, 25])
def test_a_rotation_changes_no_cosine_of_whole_vectors(world, steps):
    turn, whole = learn(world, steps), vectors(world, world.tickets.texts)
    torch.testing.assert_close(turn @ turn.T, torch.eye(32), rtol=0, atol=1e-4)
    torch.testing.assert_close((whole @ turn) @ (whole @ turn).T, whole @ whole.T, rtol=0, atol=1e-4)
    assert abs(whole @ turn - whole).max() > 0.1


def test_learning_lowers_the_loss_at_the_small_widths(world):
    given = world.given
    anchors, positives = vectors(world, list(given.anchors)), vectors(world, list(given.positives))

    def loss(turn: torch.Tensor) -> float:
        firsts = [np.flatnonzero(given.groups == group)[0] for group in np.unique(given.groups)]
        return matryoshka((anchors @ turn)[firsts], (positives @ turn)[firsts], (16, 8)).item()

    assert loss(learn(world, 40)) < loss(learn(world, 1)) - 0.05


def test_it_is_a_function_of_the_seed(world):
    first, again, other = learn(world, 5), learn(world, 5), learn(world, 5, seed=2)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_nothing_to_turn(world):
    assert learn(world, 0) is None
    assert learn(world, 5, matryoshka_dims=(768,)) is None


@pytest.mark.parametrize("k", [1, 4, 8])
def test_principal_axes_are_those_of_the_singular_values(k):
    """Eckart and Young 1936: no k numbers keep more of the inner products."""
    given = np.random.default_rng(0).normal(size=(50, 12)).astype(np.float32) * np.arange(1, 13, dtype=np.float32)
    left, singular, _ = np.linalg.svd(given, full_matrices=False)
    kept = given @ rotation.principal_axes(given)[:, :k]
    assert kept @ kept.T == pytest.approx((left[:, :k] * singular[:k] ** 2) @ left[:, :k].T, rel=1e-3, abs=1e-2)
