"""lib.tickets.head: layers mixed, centred, softened, turned to the principal axes, a function of the seed."""

import numpy as np
import pytest
import torch
from scipy.linalg import fractional_matrix_power
from scipy.sparse import csr_matrix
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA

from lib.tickets import frozen, head, model
from lib.tickets.objective import columns

MANY = 10_000  # texts: all there are
LOWER = 0.25


def learn(world, texts: int = MANY, seed: int = 1, whitening: float = 0.0) -> model.Head | None:
    tokenizer, encoder = world.moved()
    encoder.head, drawn = None, columns(world.given)
    knobs = head.Knobs(texts, LOWER, whitening)
    head.learn(frozen.freeze(encoder, tokenizer, drawn.texts), drawn.labels, knobs, seed)
    return encoder.head


def vectors(world) -> torch.Tensor:
    """Unit vectors of the layers' mixture alone, by transformers' own states."""
    tokenizer, encoder = world.moved()
    found = []
    for text in columns(world.given).texts:
        ids = tokenizer(text, truncation=True, max_length=encoder.shape.max_length, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            *lower, last = (states.mean(dim=1) for states in encoder.base(ids, output_hidden_states=True).hidden_states)
        found.append(last + LOWER * sum(lower))
    return torch.nn.functional.normalize(torch.cat(found), dim=1)


def under(found: model.Head, mixed: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.normalize(mixed @ found.weight + found.bias, dim=1)


def test_it_centres_and_turns(world):
    """No cosine of centred vectors changes, and the mean of what it was learnt on becomes 0."""
    found, whole = learn(world), vectors(world)
    centred = torch.nn.functional.normalize(whole - whole.mean(dim=0), dim=1)
    torch.testing.assert_close(under(found, whole) @ under(found, whole).T, centred @ centred.T, rtol=0, atol=1e-4)
    torch.testing.assert_close(whole.mean(dim=0) @ found.weight + found.bias, torch.zeros(32), rtol=0, atol=1e-5)


def test_with_whitening_cosines_are_those_of_softened_vectors(world):
    found, whole, drawn = learn(world, whitening=0.2), vectors(world), columns(world.given)
    scale = torch.from_numpy(head.softening(whole.numpy(), drawn.labels, 0.2))
    softened = torch.nn.functional.normalize((whole - whole.mean(dim=0)) @ scale, dim=1)
    torch.testing.assert_close(under(found, whole) @ under(found, whole).T, softened @ softened.T, rtol=0, atol=5e-4)


@pytest.mark.parametrize("power", [0.15, 0.5])
def test_softening_is_a_power_of_sklearns_covariance_within_labels(power):
    """The last text has two labels, the two before it none; label 3 stands alone."""
    rng = np.random.default_rng(0)
    told = [[0], [0], [0], [1], [1], [1], [1], [2], [2], [3], [], [], [1, 2]]
    given = (rng.normal(size=(13, 5)) * np.arange(1, 6)).astype(np.float32)
    members = [[at for at, own in enumerate(told) if label in own] for label in range(3)]
    residuals = np.concatenate([given[rows] - given[rows].mean(axis=0) for rows in members])
    covariance = LedoitWolf(assume_centered=True).fit(residuals).covariance_
    labels = csr_matrix([[int(label in own) for label in range(4)] for own in told])
    assert head.softening(given, labels, power) == pytest.approx(fractional_matrix_power(covariance, -power), rel=1e-4)


@pytest.mark.parametrize("k", [1, 4, 8])
def test_the_first_numbers_hold_what_sklearns_principal_components_do(world, k):
    """Of centred unit vectors, whose own mean is not taken again: their mirror images are added."""
    found, whole = learn(world), vectors(world)
    centred = torch.nn.functional.normalize(whole - whole.mean(dim=0), dim=1).numpy()
    reference = PCA(k).fit(np.concatenate([centred, -centred])).transform(centred)
    kept = under(found, whole).numpy()[:, :k]
    assert kept @ kept.T == pytest.approx(reference @ reference.T, abs=1e-3)


def test_it_is_a_function_of_the_seed(world):
    first, again, other = learn(world, 20), learn(world, 20), learn(world, 20, seed=2)
    assert torch.equal(first.weight, again.weight)
    assert torch.equal(first.bias, again.bias)
    assert not torch.equal(first.weight, other.weight)


def test_no_texts_no_head(world):
    assert learn(world, texts=0) is None


@pytest.mark.parametrize("k", [1, 4, 8])
def test_principal_axes_are_those_of_the_singular_values(k):
    """Eckart and Young 1936: no k numbers keep more of the inner products."""
    given = np.random.default_rng(0).normal(size=(50, 12)).astype(np.float32) * np.arange(1, 13, dtype=np.float32)
    left, singular, _ = np.linalg.svd(given, full_matrices=False)
    kept = given @ head.principal_axes(given)[:, :k]
    assert kept @ kept.T == pytest.approx((left[:, :k] * singular[:k] ** 2) @ left[:, :k].T, rel=1e-3, abs=1e-2)
