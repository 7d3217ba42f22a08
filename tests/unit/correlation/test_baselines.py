"""The opponents are what they are called, and fitted with care."""

from dataclasses import replace

import numpy as np
import pytest
import tiny_contracts
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor

from lib.correlation import baselines, dataset
from lib.correlation.titles import pair_vectors


class Titles:
    """Party and city as directions: what a sentence encoder sees of these titles."""

    def __call__(self, titles):
        words = [set(title.strip("?").split()) for title in titles]
        known = [*tiny_contracts.PARTIES, *tiny_contracts.CITIES]
        return np.array([[2.0 * (word in own) for word in known] for own in words])


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    pairs = dataset.load(tiny_contracts.write(tmp_path_factory.mktemp("correlation") / "data"))
    fold = baselines.Fold(*(pairs.rows(split) for split in dataset.SPLITS))
    return pairs, fold, baselines.predict(pairs, fold, Titles(), seed=1)


def test_each_is_there_and_answers_every_pair(world):
    pairs, fold, told = world
    assert list(told) == [baselines.MEAN, baselines.ZERO, baselines.KNN, baselines.RIDGE, baselines.BOOSTING]
    assert all(len(numbers) == len(fold.judged) and (np.abs(numbers) <= 1).all() for numbers in told.values())
    assert set(told[baselines.MEAN]) == {pairs.correlations[fold.train].mean()} and set(told[baselines.ZERO]) == {0.0}


def test_ridge_and_knn_are_scikit_learn_s_with_the_knob_that_validation_chose(world):
    pairs, fold, told = world
    a, b = Titles()(pairs.a_titles), Titles()(pairs.b_titles)
    y = pairs.correlations

    def best(features, models):
        fitted = [model.fit(features[fold.train], y[fold.train]) for model in models]
        errors = [np.mean((model.predict(features[fold.validation]) - y[fold.validation]) ** 2) for model in fitted]
        return fitted[int(np.argmin(errors))].predict(features[fold.judged])

    ridge = best(pair_vectors(a, b), [Ridge(alpha=alpha) for alpha in baselines.ALPHAS])
    np.testing.assert_allclose(told[baselines.RIDGE], np.clip(ridge, -1, 1), atol=1e-9)
    for k in baselines.NEIGHBOURS:
        rng = np.random.default_rng(k)
        x, asked, values = rng.standard_normal((40, 5)), rng.standard_normal((7, 5)), rng.standard_normal(40)
        expected = KNeighborsRegressor(k).fit(x, values).predict(asked)
        np.testing.assert_allclose(baselines._knn(x, values, asked, k), expected, atol=1e-12)


def test_boosting_on_facts_reads_what_decides_here(world):
    """Same city -0.6, same party +0.3, else -0.3, with noise of 0.05: facts tell all three."""
    pairs, fold, told = world
    error = np.sqrt(np.mean((told[baselines.BOOSTING] - pairs.correlations[fold.judged]) ** 2))
    assert error < 0.08
    assert np.sqrt(np.mean((told[baselines.MEAN] - pairs.correlations[fold.judged]) ** 2)) > 0.25


def test_pairs_that_judge_teach_nothing(world):
    """Other correlations of test pairs, the same predictions."""
    pairs, fold, told = world
    changed = pairs.correlations.copy()
    changed[fold.judged] = -changed[fold.judged]
    again = baselines.predict(replace(pairs, correlations=changed), fold, Titles(), seed=1)
    for name, numbers in told.items():
        np.testing.assert_array_equal(again[name], numbers)
