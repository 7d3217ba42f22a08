"""Errors of predictions against scikit-learn, and a bootstrap that knows that pairs share events."""

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from lib.correlation import scores

EVENTS = np.array([f"e{n}" for n in range(20)])


@pytest.fixture(scope="module")
def world():
    """All pairs of 40 contracts of 20 events; a good and a bad prediction."""
    rng = np.random.default_rng(1)
    contracts = np.repeat(EVENTS, 2)
    a, b = np.triu_indices(40, 1)
    truth = np.tanh(0.4 * rng.standard_normal(len(a)))
    good, bad = (truth + noise * rng.standard_normal(len(a)) for noise in (0.1, 0.3))
    return contracts[a], contracts[b], truth, good, bad


def test_values_are_scikit_learn_s(world):
    a, b, truth, good, bad = world
    told = scores.judge(truth, a, b, 1).entries({"model": good, "other": bad}, "x")
    entries = {entry["metric"]: entry for entry in told}
    references = {"mae": mean_absolute_error, "rmse": root_mean_squared_error, "r2": r2_score}
    for metric, reference in references.items():
        assert entries[metric]["value"] == pytest.approx(reference(truth, good), abs=1e-12)
        assert entries[metric]["baselines"][0]["value"] == pytest.approx(reference(truth, bad), abs=1e-12)
    assert entries["accuracy_within_0.2"]["value"] == (np.abs(good - truth) <= 0.2).mean()
    assert all(entry["n"] == 780 for entry in entries.values())


def test_draws_weigh_pairs_by_both_events_and_are_those_of_repeating_rows(world):
    a, b, truth, good, _ = world
    judge = scores.judge(truth, a, b, 1)
    weights = judge.weights[1].astype(int)
    drawn = {}
    for left, right, weight in zip(a, b, weights):
        if left == right:
            drawn[left] = weight
    assert sum(drawn.values()) == 20
    assert [drawn[x] * drawn[y] if x != y else drawn[x] for x, y in zip(a, b)] == weights.tolist()
    rows = np.repeat(np.arange(len(truth)), weights)
    assert judge.rmse(good)[1] == pytest.approx(root_mean_squared_error(truth[rows], good[rows]))
    assert judge.r2(good)[1] == pytest.approx(r2_score(truth[rows], good[rows]))
    assert judge.accuracy(good)[1] == pytest.approx((np.abs(good - truth) <= 0.2)[rows].mean())


def test_a_lead_in_r2_above_0_is_a_lead_in_rmse_below_0(world):
    """Draw by draw, so that a bar on one is a bar on the other."""
    a, b, truth, good, bad = world
    judge = scores.judge(truth, a, b, 1)
    np.testing.assert_array_equal(judge.r2(good) > judge.r2(bad), judge.rmse(good) < judge.rmse(bad))


def test_intervals_are_wider_than_if_pairs_stood_alone():
    """Errors that an event brings to all its pairs: rows drawn alone would promise too much."""
    rng = np.random.default_rng(2)
    effect = dict(zip(EVENTS, 0.2 * rng.standard_normal(20)))
    a, b = (EVENTS[of] for of in np.triu_indices(20, 1))
    truth = np.zeros(len(a))
    told = np.array([effect[x] + effect[y] for x, y in zip(a, b)])
    ours = scores.judge(truth, a, b, 1).mae(told)[1:].std()
    alone = scores.judge(truth, *([np.array([f"own {n}" for n in range(len(a))])] * 2), 1).mae(told)[1:].std()
    assert ours > 1.5 * alone


def test_the_interval_holds_the_truth_as_often_as_it_says():
    """200 worlds of 15 events whose errors are known in expectation: 95 % intervals of MAE, give or take."""
    inside = []
    for world in range(200):
        rng = np.random.default_rng(world)
        effect = rng.standard_normal(15)
        left, right = np.triu_indices(15, 1)
        told = effect[left] + effect[right] + 0.5 * rng.standard_normal(len(left))
        judge = scores.judge(np.zeros(len(left)), EVENTS[left], EVENTS[right], world)
        low, high = np.percentile(judge.mae(told)[1:], [2.5, 97.5])
        inside.append(low <= 1.5 * np.sqrt(2 / np.pi) <= high)  # each error is normal with standard deviation 1.5
    assert 0.85 <= np.mean(inside) <= 1.0


def test_draws_of_one_event_over_and_over_are_left_out():
    a, b = (np.array(list(side)) for side in ("xxyyzx", "xyyzzz"))
    judge = scores.judge(np.linspace(-0.5, 0.5, 6), a, b, 1)
    assert ((judge.weights > 0).sum(axis=1) >= scores.LEAST).all()
    assert len(judge.weights) < 2001 and np.isfinite(judge.r2(np.zeros(6))).all()


def test_calibration_groups_from_the_least_to_the_most_confident():
    confidences = np.array([0.9, 0.1, 0.5, 0.8, 0.2, 0.6])
    right = np.array([1.0, 0.0, 1.0, 1.0, 1.0, 0.0])
    assert scores.calibration(confidences, right, bins=3) == [
        {"confidence": pytest.approx(0.15), "right": 0.5, "pairs": 2},
        {"confidence": pytest.approx(0.55), "right": 0.5, "pairs": 2},
        {"confidence": pytest.approx(0.85), "right": 1.0, "pairs": 2},
    ]
    assert scores.calibration(np.full(6, 0.9), right) == [
        {"confidence": 0.9, "right": pytest.approx(4 / 6), "pairs": 6}
    ]
