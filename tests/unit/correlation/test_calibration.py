"""Confidence and intervals set right on validation, against scikit-learn and the definition of coverage."""

import numpy as np
import pytest

from lib.correlation import calibration
from lib.correlation.numbers import Distribution

VALUES = np.linspace(-1, 1, 201)


def drawn(n: int, seed: int, boldness: float = 1.0) -> tuple[Distribution, np.ndarray]:
    """Bell-shaped distributions and truths drawn from them; `boldness` below 1 makes them too narrow."""
    rng = np.random.default_rng(seed)
    middle, width = rng.uniform(-0.6, 0.6, n), rng.uniform(0.05, 0.25, n)
    logits = -((VALUES - middle[:, None]) ** 2) / (2 * (boldness * width[:, None]) ** 2)
    chances = np.exp(logits)
    return Distribution(chances / chances.sum(axis=1, keepdims=True), VALUES), rng.normal(middle, width)


@pytest.mark.parametrize("boldness", [0.3, 1.0])
def test_intervals_hold_nine_in_ten_of_new_pairs_whatever_the_model_claims(boldness):
    fitted = calibration.fit(*drawn(400, 1, boldness))
    found, truth = drawn(4000, 2, boldness)
    low, high = fitted.intervals(found).T
    assert ((low <= truth) & (truth <= high)).mean() == pytest.approx(0.9, abs=0.03)


def test_the_width_is_the_conformal_quantile():
    found, truth = drawn(19, 3)
    ratios = np.sort(abs(found.mean - truth) / found.deviation)
    assert calibration.fit(found, truth).width == pytest.approx(ratios[17])  # the 18th of 19: ceil(0.9 * 20)


def test_few_pairs_give_the_widest_residual_and_no_interval_leaves_the_range():
    found, truth = drawn(4, 4)
    fitted = calibration.fit(found, truth)
    assert fitted.width == pytest.approx((abs(found.mean - truth) / found.deviation).max())
    wide = calibration.Calibration((0.5,), (0.5,), 100.0).intervals(found)
    assert wide.tolist() == [[-1.0, 1.0]] * 4


@pytest.mark.parametrize("boldness", [0.3, 1.0])
def test_confidence_is_how_often_new_pairs_are_within_a_fifth(boldness):
    fitted = calibration.fit(*drawn(2000, 5, boldness))
    found, truth = drawn(4000, 6, boldness)
    confidence = fitted.confidences(found)
    right = abs(found.mean - truth) <= 0.2
    for low, high in ((0.0, 0.75), (0.75, 0.9), (0.9, 1.0)):
        own = (confidence > low) & (confidence <= high)
        assert confidence[own].mean() == pytest.approx(right[own].mean(), abs=0.05)


def test_confidence_never_falls_with_the_claim_and_is_never_certain():
    fitted = calibration.fit(*drawn(50, 7))
    assert list(fitted.claimed) == sorted(fitted.claimed)
    assert list(fitted.found) == sorted(fitted.found)
    assert min(fitted.found) > 0
    assert max(fitted.found) < 1


def test_blocks_are_those_of_isotonic_regression():
    """Five claims, of which the third and fourth are in the wrong order and so form one block."""
    claimed = np.array([0.1, 0.2, 0.5, 0.6, 0.9])
    hits = np.array([False, False, True, False, True])
    knots, rates = calibration._isotonic(claimed, hits)
    assert knots == pytest.approx((0.15, 0.55, 0.9))
    assert rates == pytest.approx((1 / 4, 2 / 4, 2 / 3))
