"""lib.naics.classification: the baselines are what their names say, and digits are counted like a person would."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.covariance import shrunk_covariance
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.neighbors import KNeighborsClassifier

from lib.naics import classification
from lib.naics.taxonomy import Node, build

RNG = np.random.default_rng(1)
CLASSES = 6  # of which class 4 is never seen


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture
def points():
    """(known, labels, queries) around five centres."""
    labels = RNG.choice([0, 1, 2, 3, 5], 80)
    centres = RNG.normal(size=(CLASSES, 10))
    known = unit(centres[labels] + 0.7 * RNG.normal(size=(80, 10)))
    return known, labels, unit(centres[RNG.integers(0, 4, 30)] + 0.7 * RNG.normal(size=(30, 10)))


def test_nearest_neighbour_is_sklearns(points):
    known, labels, queries = points
    scores = classification.nearest_neighbour(known, labels, queries, CLASSES)
    expected = KNeighborsClassifier(1, metric="cosine").fit(known, labels).predict(queries)
    np.testing.assert_array_equal(scores.argmax(axis=1), expected)
    for label in np.unique(labels):
        np.testing.assert_allclose(scores[:, label], (queries @ known[labels == label].T).max(axis=1), rtol=1e-6)
    assert (scores[:, 4] == -1).all(), "a class never seen comes last"


def test_the_probe_is_bayes_rule_with_one_shrunk_covariance(points):
    known, labels, queries = points
    scores = classification.linear_probe(known, labels, queries, CLASSES)
    seen = np.unique(labels)
    priors = [(labels == label).mean() for label in seen]
    means = [known[labels == label].mean(axis=0) for label in seen]
    within = sum(p * shrunk_covariance(np.cov(known[labels == n].T, bias=True), 0.1) for p, n in zip(priors, seen))
    log_joint = np.stack(
        [np.log(p) + multivariate_normal(m, within).logpdf(queries) for p, m in zip(priors, means)], axis=1
    )
    np.testing.assert_allclose(
        scores[:, seen] - scores[:, seen].mean(axis=1, keepdims=True),
        log_joint - log_joint.mean(axis=1, keepdims=True),
        atol=1e-6,
    )
    assert np.isneginf(scores[:, 4]).all()


def test_tfidf_centroids_are_a_loop_over_classes():
    texts = ["dairy cattle farming", "dairy farming", "cattle ranching", "steel pipe mills", "pipe fitting", "farming"]
    labels = np.array([0, 0, 1, 2, 2, 0])
    queries = ["dairy pipe", "steel mills", "ranching of cattle", "zebra"]
    found = classification.tfidf_centroids(texts, labels, queries, n_classes=4)
    vectorizer = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2)).fit(texts)
    known, asked = vectorizer.transform(texts).toarray(), vectorizer.transform(queries).toarray()
    for label in range(3):
        centroid = known[labels == label].sum(axis=0)
        expected = [row @ centroid / np.linalg.norm(centroid) for row in asked]
        np.testing.assert_allclose(found[:, label], expected)
    assert found.shape == (4, 4)
    assert not found[:, 3].any(), "a class without texts is like nothing"
    assert found[:3].argmax(axis=1).tolist() == [2, 2, 1]


# Digits


@pytest.fixture
def tree():
    codes = ["11", "111", "1111", "11111", "111110", "111120", "11112", "1112", "11121", "111219", "21", "212", "2121"]
    return build([Node(code, f"title {code}") for code in [*codes, "21211", "212110"]], "a little tree")


def test_digits_and_common_ancestors(tree):
    """One query each: right, wrong in the fifth digit, in the fourth, in the first."""
    leaves = np.flatnonzero(tree.level == 6)
    assert [tree.codes[leaf] for leaf in leaves] == ["111110", "111120", "111219", "212110"]
    best = np.eye(4)  # each query's best code is its own column
    found = classification.digits(tree, leaves, best, truth=np.array([0, 0, 0, 0]))
    assert found == {
        "accuracy_at_2_digits": 3 / 4,
        "accuracy_at_3_digits": 3 / 4,
        "accuracy_at_4_digits": 2 / 4,
        "accuracy_at_5_digits": 1 / 4,
        "accuracy_at_6_digits": 1 / 4,
        "mean_level_of_common_ancestor": (6 + 4 + 3 + 0) / 4,
    }


def test_measure_pairs_the_model_with_each_baseline():
    truth = np.array([0, 1, 2, 2])
    right, wrong = np.eye(3)[truth], np.roll(np.eye(3)[truth], 1, axis=1)
    half = np.where(np.arange(4)[:, None] < 2, right, wrong)
    entries = {e["metric"]: e for e in classification.measure({"model": right, "half": half}, truth, "some", seed=1)}
    assert sorted(entries) == ["mrr", "recall_at_1", "recall_at_10", "recall_at_5"]
    first = entries["recall_at_1"]
    assert (first["value"], first["n"], first["slice"]) == (1.0, 4, "some")
    assert [(b["name"], b["value"], b["difference"]) for b in first["baselines"]] == [("half", 0.5, 0.5)]
    assert entries["recall_at_5"]["baselines"][0]["value"] == 1.0
    low, high = first["baselines"][0]["interval"]
    assert low <= 0.5 <= high, "three codes are drawn, not four queries"
    assert {low, high} <= {k / n for n in range(3, 7) for k in range(n + 1)}
