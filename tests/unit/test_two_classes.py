"""How well a score tells two classes apart, against scikit-learn, scipy and brute force."""

import numpy as np
import pytest
import scipy.stats
from sklearn.metrics import f1_score, roc_auc_score

from lib import two_classes


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(params=["distinct", "tied"])
def classes(request, rng):
    """(scores, labels, weights of five bootstrap samples)."""
    scores, labels = rng.normal(size=60), rng.integers(0, 2, 60)
    scores = scores + labels
    return scores.round(0 if request.param == "tied" else 9), labels, rng.integers(0, 3, (5, 60)).astype(float)


def test_roc_auc_is_sklearns(classes):
    scores, labels, weights = classes
    expected = [roc_auc_score(labels, scores, sample_weight=w) for w in weights]
    assert two_classes.roc_auc(scores, labels, weights) == pytest.approx(expected)


def drawn(classes):
    """Each sample as the rows that were drawn, so that references without weights can be asked."""
    scores, labels, weights = classes
    for row in weights.astype(int):
        yield np.repeat(scores, row), np.repeat(labels, row)


def test_spearman_is_scipys(classes):
    expected = [scipy.stats.spearmanr(scores, labels).statistic for scores, labels in drawn(classes)]
    assert two_classes.spearman(*classes) == pytest.approx(expected)


def test_separation_is_that_of_the_drawn_rows(classes):
    differences, effects = two_classes.mean_difference(*classes), two_classes.cohens_d(*classes)
    for (scores, labels), difference, effect in zip(drawn(classes), differences, effects):
        high, low = scores[labels == 1], scores[labels == 0]
        assert difference == pytest.approx(high.mean() - low.mean())
        variance = ((len(high) - 1) * high.var(ddof=1) + (len(low) - 1) * low.var(ddof=1)) / (len(scores) - 2)
        assert effect == pytest.approx(difference / np.sqrt(variance))


def test_f1_is_sklearns(classes):
    scores, labels, weights = classes
    expected = [f1_score(labels, scores > 0.5, sample_weight=w) for w in weights]
    assert two_classes.f1(scores > 0.5, labels, weights) == pytest.approx(expected)


def test_the_best_threshold_is_that_of_brute_force(classes):
    scores, labels, _ = classes
    values = {threshold: f1_score(labels, scores >= threshold) for threshold in scores}
    chosen = two_classes.best_threshold(scores, labels)
    assert values[chosen] == pytest.approx(max(values.values()))


def test_for_balanced_labels_spearman_says_what_auc_says(rng):
    scores, labels, weights = rng.normal(size=400), np.repeat([0, 1], 200), np.ones((1, 400))
    auc = two_classes.roc_auc(scores, labels, weights)
    assert two_classes.spearman(scores, labels, weights) == pytest.approx(np.sqrt(3) / 2 * (2 * auc - 1), abs=1e-5)


@pytest.mark.filterwarnings("error")
def test_one_class_alone_is_no_score():
    scores, weights = np.arange(4.0), np.ones((2, 4))
    for measure in (two_classes.roc_auc, two_classes.spearman, two_classes.cohens_d):
        assert np.isnan(measure(scores, np.ones(4, dtype=int), weights)).all()
