"""lib.metrics against scikit-learn, scipy and brute force."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, ndcg_score, top_k_accuracy_score
from tiny_metrics import document

from lib import config, metrics


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def distinct_scores(rng: np.random.Generator, q: int, n: int) -> np.ndarray:
    return np.stack([rng.permutation(n) for _ in range(q)]) / n


# Ranks


@given(st.lists(st.lists(st.integers(0, 3), min_size=4, max_size=4), min_size=1, max_size=6), st.integers(0, 3))
def test_ranks_are_counted_by_hand(rows, true_column):
    scores = np.array(rows, dtype=float)
    ranks = metrics.rank_of_truth(scores, np.full(len(rows), true_column))
    for row, rank in zip(rows, ranks):
        ahead = [score for column, score in enumerate(row) if column != true_column and score >= row[true_column]]
        assert rank == 1 + len(ahead)


@pytest.mark.parametrize("constant", [0.0, np.nan])
def test_a_constant_or_broken_predictor_scores_nothing(constant):
    ranks = metrics.rank_of_truth(np.full((5, 20), constant), np.arange(5))
    assert ranks.tolist() == [20] * 5
    relevant = np.eye(20, dtype=bool)[:5]
    assert metrics.average_precision(np.full((5, 20), constant), relevant) == pytest.approx([1 / 20] * 5)
    assert metrics.ndcg_at_k(np.full((5, 20), constant), relevant.astype(float), 10).tolist() == [0.0] * 5


def test_a_truth_without_a_score_is_last():
    scores = np.array([[0.3, np.nan, 0.1]])
    assert metrics.rank_of_truth(scores, np.array([1])).tolist() == [3]
    assert metrics.rank_of_truth(scores, np.array([0])).tolist() == [2]


def test_recall_is_sklearns_top_k_accuracy(rng):
    scores, truth = distinct_scores(rng, 60, 12), rng.integers(0, 12, 60)
    ranks = metrics.rank_of_truth(scores, truth)
    for k in (1, 3, 10):
        ours = metrics.recall_at_k(ranks, k).mean()
        assert ours == pytest.approx(top_k_accuracy_score(truth, scores, k=k, labels=np.arange(12)))


def test_reciprocal_rank():
    ranks = np.array([1, 2, 10, 11])
    assert metrics.reciprocal_rank(ranks).tolist() == [1, 1 / 2, 1 / 10, 1 / 11]
    assert metrics.reciprocal_rank(ranks, 10).tolist() == [1, 1 / 2, 1 / 10, 0]


# Graded and many-truth rankings


def test_average_precision_is_sklearns(rng):
    scores, relevant = distinct_scores(rng, 40, 15), rng.random((40, 15)) < 0.3
    relevant[:, 0] = True
    expected = [average_precision_score(truth, row) for truth, row in zip(relevant, scores)]
    assert metrics.average_precision(scores, relevant) == pytest.approx(expected)


def test_average_precision_leaves_out_what_is_no_candidate(rng):
    scores, relevant = distinct_scores(rng, 40, 15), rng.random((40, 15)) < 0.3
    relevant[:, :2] = True
    scores[:, 0] = -np.inf  # the query itself
    expected = [average_precision_score(truth[1:], row[1:]) for truth, row in zip(relevant, scores)]
    assert metrics.average_precision(scores, relevant) == pytest.approx(expected)


@pytest.mark.parametrize("k", [1, 5, 15, 40])
def test_ndcg_is_sklearns(rng, k):
    scores, gains = distinct_scores(rng, 40, 15), rng.integers(0, 4, (40, 15)).astype(float)
    gains[:, 0] = 1
    expected = [ndcg_score(truth[None], row[None], k=k) for truth, row in zip(gains, scores)]
    assert metrics.ndcg_at_k(scores, gains, k) == pytest.approx(expected)


def test_ties_count_against_the_truth():
    scores = np.array([[1.0, 1.0, 0.0]])
    for relevant in ([True, False, False], [False, True, False]):
        assert metrics.average_precision(scores, np.array([relevant])).tolist() == [0.5]
        assert metrics.ndcg_at_k(scores, np.array([relevant], dtype=float), 1).tolist() == [0.0]


def test_nothing_relevant_is_no_score(rng):
    scores = distinct_scores(rng, 1, 5)
    assert np.isnan(metrics.average_precision(scores, np.zeros((1, 5), dtype=bool)))
    assert np.isnan(metrics.ndcg_at_k(scores, np.zeros((1, 5)), 3))


def test_ranks_of_relevant_are_counted_by_hand(rng):
    scores, relevant = rng.integers(0, 5, (30, 12)).astype(float), rng.random((30, 12)) < 0.4
    scores[:, 3] = -np.inf
    for row, wanted, ranks in zip(scores, relevant, metrics.ranks_of_relevant(scores, relevant)):
        order = sorted(range(12), key=lambda column: (-row[column], wanted[column]))
        assert ranks.tolist() == [1 + at for at, column in enumerate(order) if wanted[column] and column != 3]


# Uncertainty


def test_the_interval_is_scipys_percentile_bootstrap(rng):
    values = rng.gamma(2.0, size=(300, 1))
    ours = metrics.interval(metrics.resampled_means(values, None, seed=1, resamples=9999)[:, 0])
    theirs = scipy.stats.bootstrap((values[:, 0],), np.mean, method="percentile", rng=1).confidence_interval
    spread = values.std() / np.sqrt(len(values))
    assert ours == pytest.approx([theirs.low, theirs.high], abs=0.1 * spread)


def test_whole_groups_are_drawn(rng):
    """Rows of a group move together: copying each row ten times must not narrow the interval."""
    values = rng.normal(size=(50, 2))
    copied, groups = np.repeat(values, 10, axis=0), np.repeat(np.arange(50), 10)
    alone = metrics.resampled_means(values, None, seed=1)
    assert metrics.resampled_means(copied, groups, seed=1) == pytest.approx(alone)
    assert metrics.resampled_means(copied, None, seed=1).std(axis=0).max() < 0.5 * alone.std(axis=0).min()


def test_groups_of_unequal_size_weigh_by_their_rows(rng):
    """Against the definition: draw groups, pool their rows, take the mean."""
    values, groups = rng.normal(size=(9, 1)), np.array(list("aaaabbbcc"))
    ours = metrics.resampled_means(values, groups, seed=4, resamples=50)[:, 0]
    for mean, drawn in zip(ours, metrics.group_weights(3, seed=4, resamples=50).astype(int)):
        pooled = np.concatenate([np.tile(values[groups == name, 0], times) for name, times in zip("abc", drawn)])
        assert mean == pytest.approx(pooled.mean())


def test_differences_are_paired(rng):
    """A model that beats the baseline by 0.1 on every query has no doubt about its lead."""
    baseline = rng.normal(size=200)
    entry = metrics.compare("mrr_at_10", "test", baseline + 0.1, {"bm25": baseline}, None, seed=1)
    low, high = entry["interval"]
    assert high - low > 0.1
    assert entry["baselines"][0]["difference"] == pytest.approx(0.1)
    assert entry["baselines"][0]["interval"] == pytest.approx([0.1, 0.1])


def test_the_interval_covers_as_often_as_it_says():
    """95 % of the intervals of samples from a known distribution hold its mean (binomial error about 1.5 %)."""
    inside = 0
    for trial in range(200):
        sample = np.random.default_rng(trial).normal(1.0, size=(80, 1))
        low, high = metrics.interval(metrics.resampled_means(sample, None, seed=trial, resamples=400)[:, 0])
        inside += low <= 1.0 <= high
    assert 0.88 <= inside / 200 <= 0.99


# Entries of metrics.json


def test_an_entry_holds_point_values_and_passes_the_schema(rng):
    model, baseline = rng.random(30), rng.random(30)
    entry = metrics.compare("recall_at_1", "test", model, {"tfidf": baseline, "prior": model}, None, seed=1)
    config.check(document(entry), "metrics")
    assert (entry["n"], entry["value"]) == (30, pytest.approx(model.mean()))
    assert [b["name"] for b in entry["baselines"]] == ["tfidf", "prior"]
    assert entry["baselines"][0]["value"] == pytest.approx(baseline.mean())
    assert entry["baselines"][0]["difference"] == pytest.approx(model.mean() - baseline.mean())
    assert entry["baselines"][1]["interval"] == [0.0, 0.0]


def test_the_same_seed_gives_the_same_entry(rng):
    model = rng.random(30)
    first, again, other = (metrics.compare("x", "test", model, {}, None, seed) for seed in (1, 1, 2))
    assert first == again != other


def test_what_is_nan_becomes_null_and_only_that(rng):
    model, broken = rng.random(30), rng.random(30)
    broken[3] = np.nan
    good = metrics.compare("x", "test", model, {"broken": broken}, None, seed=1)
    assert good["value"] is not None and good["interval"] is not None
    assert good["baselines"] == [{"name": "broken", "value": None, "difference": None, "interval": None}]
    bad = metrics.compare("x", "test", broken, {"good": model}, None, seed=1)
    assert (bad["value"], bad["interval"]) == (None, None)
    assert bad["baselines"][0]["value"] == pytest.approx(model.mean())
    for entry in (good, bad):
        config.check(document(entry), "metrics")


def test_no_queries_no_value():
    entry = metrics.compare("x", "test", np.zeros(0), {"bm25": np.zeros(0)}, None, seed=1)
    assert (entry["n"], entry["value"], entry["interval"]) == (0, None, None)
    config.check(document(entry), "metrics")
