"""Correlations from prices, against scipy and against what the definition says."""

import numpy as np
import pytest
from scipy import stats

from lib.correlation import labels
from lib.correlation.labels import Labels

KNOBS = Labels(resamples=2000)


@pytest.fixture(scope="module")
def moved():
    """Changes of five contracts over 300 days: a common factor, gaps, and one that is there for 50 days only."""
    rng = np.random.default_rng(1)
    made = 0.7 * rng.standard_normal((300, 1)) + rng.standard_normal((300, 5))
    made[rng.random((300, 5)) < 0.1] = np.nan
    made[50:, 4] = np.nan
    return made


@pytest.fixture(scope="module")
def found(moved):
    return labels.correlate(moved, KNOBS, seed=1)


def test_correlations_are_scipy_s_on_the_common_days(moved, found):
    assert list(zip(found.left, found.right)) == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    for i, j, value, days in zip(found.left, found.right, found.values, found.days):
        both = np.isfinite(moved[:, i]) & np.isfinite(moved[:, j])
        assert days == both.sum()
        assert value == pytest.approx(stats.pearsonr(moved[both, i], moved[both, j])[0], abs=1e-6)


def test_standard_errors_are_those_of_independent_days(found):
    """(1 - r^2) / sqrt(n) for normal variables; the block bootstrap of 15 blocks knows them roughly."""
    expected = (1 - found.values**2) / np.sqrt(found.days)
    assert found.errors == pytest.approx(expected, rel=0.6)
    assert found.errors.mean() == pytest.approx(expected.mean(), rel=0.2)


def test_halves_are_of_days_whose_changes_do_not_reach_into_the_other(moved, found):
    day = np.arange(len(moved))
    inside = day % KNOBS.block_days >= KNOBS.horizon - 1
    for half, values in ((0, found.first), (1, found.second)):
        rows = inside & ((day // KNOBS.block_days) % 2 == half) & np.isfinite(moved[:, :2]).all(axis=1)
        assert values[0] == pytest.approx(stats.pearsonr(moved[rows, 0], moved[rows, 1])[0], abs=1e-6)


def test_changes_are_winsorised_logits_over_five_days():
    rng = np.random.default_rng(3)
    price = 1 / (1 + np.exp(-np.cumsum(rng.standard_normal(200)) / 10))
    price[100] = 0.99
    told = labels.changes(price[:, None], KNOBS)[:, 0]
    logits = np.log(price / (1 - price))
    plain = logits[5:] - logits[:-5]
    reach = 3 * stats.median_abs_deviation(plain, scale="normal")
    assert np.isnan(told[:5]).all()
    np.testing.assert_allclose(told[5:], np.clip(plain, np.median(plain) - reach, np.median(plain) + reach), atol=1e-12)
    assert np.abs(plain).max() > np.abs(told[5:]).max()


def test_a_contract_that_stands_still_has_no_changes_and_no_pair():
    rng = np.random.default_rng(4)
    closes = np.clip(0.5 + np.cumsum(rng.standard_normal((200, 3)), axis=0) / 100, 0.1, 0.9)
    closes[:, 1] = 0.01
    closes[150:155, 1] = 0.02
    moved = labels.changes(closes, KNOBS)
    assert np.isnan(moved[:, 1]).all()
    assert labels.correlate(moved, KNOBS, 1).left.tolist() == [0]


def test_mirrored_contracts_are_opposite():
    price = 1 / (1 + np.exp(-np.cumsum(np.random.default_rng(5).standard_normal(200)) / 10))
    found = labels.correlate(labels.changes(np.stack([price, 1 - price], axis=1), KNOBS), KNOBS, 1)
    assert found.values.tolist() == [-1.0]


def test_pairs_do_not_depend_on_how_many_are_measured_at_once(moved, found, monkeypatch):
    monkeypatch.setattr(labels, "PAIRS_AT_ONCE", 2)
    again = labels.correlate(moved, KNOBS, seed=1)
    assert np.array_equal(again.values, found.values) and np.array_equal(again.errors, found.errors)


def test_reliability_and_ceiling_tell_how_much_is_signal():
    """Signal of variance 0.04 and noise of 0.02 in a whole, 0.04 in each half."""
    rng = np.random.default_rng(6)
    signal = 0.2 * rng.standard_normal(50_000)
    first, second = (signal + 0.2 * rng.standard_normal(50_000) for _ in range(2))
    assert labels.reliability(first, second) == pytest.approx(2 / 3, abs=0.01)
    errors = np.full(50_000, np.sqrt(0.02))
    assert labels.ceiling((first + second) / 2, errors) == pytest.approx(2 / 3, abs=0.01)


def test_nothing_known_has_no_reliability_and_no_ceiling():
    unknown = np.full(9, np.nan)
    assert labels.reliability(unknown, unknown) is None
    assert labels.ceiling(np.arange(9.0) / 9, unknown) is None
