"""lib.tickets.retrieval against scikit-learn, query by query."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from lib.tickets import lexical, model, retrieval


@pytest.fixture
def vectors():
    return model.unit(np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32), 8)


GROUPS = np.random.default_rng(1).integers(-1, 60, 300)


def test_average_precision_is_sklearns(vectors):
    queries = retrieval.askable(GROUPS)
    found = retrieval.retrieve(retrieval.by_cosine(vectors), GROUPS, queries)
    for at, query in enumerate(queries):
        others = np.arange(300) != query
        scores, relevant = (vectors @ vectors[query])[others], (GROUPS[query] == GROUPS)[others]
        assert found.average_precision[at] == pytest.approx(average_precision_score(relevant, scores))
        first = np.argsort(-scores)[:10]
        assert found.recall[at] == pytest.approx(relevant[first].sum() / relevant.sum())


def test_only_labels_with_another_ticket_are_asked_for():
    groups = np.array([0, -1, 0, 1, -1, 2, 2])
    assert retrieval.askable(groups).tolist() == [0, 2, 5, 6]
    assert retrieval.askable(groups, np.array([1, 3, 6])).tolist() == [6]


def test_words_search_like_their_dense_vectors():
    texts = [f"{a} {b}" for a in ("vpn", "mail", "door") for b in ("drops", "fails", "is slow")] * 2
    matrix, groups = lexical.tfidf(texts), np.repeat([0, 1, 2, 0, 1, 2], 3)
    sparse, dense = (
        retrieval.retrieve(way, groups, np.arange(18))
        for way in (retrieval.by_words(matrix), retrieval.by_cosine(matrix.toarray()))
    )
    assert sparse.average_precision == pytest.approx(dense.average_precision)
