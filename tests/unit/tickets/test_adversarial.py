"""Pairs for evaluation: against a list of all pairs, and what each set promises."""

import itertools

import numpy as np
import pytest
import tiny_tickets
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import roc_auc_score
from sklearn.metrics.pairwise import cosine_similarity

from lib.errors import BadInput
from lib.tickets import adversarial, dataset, drawing, lexical


@pytest.fixture(scope="module")
def tickets(tmp_path_factory):
    return dataset.load(tiny_tickets.write_data(tmp_path_factory.mktemp("tickets")))


@pytest.fixture(scope="module")
def words(tickets):
    return lexical.tfidf(tickets.texts)


def unordered(left, right) -> set[tuple[int, int]]:
    return {(min(pair), max(pair)) for pair in zip(left.tolist(), right.tolist())}


# Drawing pairs by number


@given(st.lists(st.integers(-1, 4), min_size=1, max_size=24), st.randoms(use_true_random=False))
def test_every_pair_has_one_number(labels, random):
    groups = np.array(labels)
    rows = np.array(sorted(random.sample(range(len(labels)), random.randint(1, len(labels)))))
    listed = list(itertools.combinations([row for row in rows.tolist() if labels[row] >= 0], 2))
    for kind, same in ((drawing.positives(groups, rows), True), (drawing.negatives(groups, rows), False)):
        expected = {pair for pair in listed if (labels[pair[0]] == labels[pair[1]]) == same}
        left, right = kind.take(np.arange(len(kind)))
        assert len(kind) == len(expected)
        assert unordered(left, right) == expected


def test_a_draw_is_uniform_over_pairs():
    """Labels of 2, 3 and 5 tickets have 1, 3 and 10 pairs: chi-square over 14 pairs stays below its 99.9 % point."""
    groups = np.repeat([0, 1, 2], [2, 3, 5])
    kind = drawing.positives(groups, np.arange(10))
    counts = np.zeros((10, 10))
    for seed in range(700):
        for pair in unordered(*kind.draw(4, np.random.default_rng(seed))):
            counts[pair] += 1
    drawn = counts[counts > 0]
    assert len(drawn) == 14
    assert ((drawn - 200) ** 2 / 200).sum() < 34.5


# Word overlap


def test_overlap_is_sklearns_cosine(tickets, words):
    vectors = TfidfVectorizer(sublinear_tf=True, token_pattern=r"[^\W_]+").fit_transform(tickets.texts)
    left, right = np.divmod(np.arange(len(tickets) ** 2), len(tickets))
    expected = cosine_similarity(vectors)[left, right]
    np.testing.assert_allclose(lexical.overlap(words, left, right), expected, atol=1e-6)


def test_texts_without_words_overlap_with_nothing():
    for texts in (["?", "!!", "..."], ["", " "], ["?", "word"]):
        matrix = lexical.tfidf(texts)
        assert matrix.shape[0] == len(texts)
        assert lexical.overlap(matrix, np.array([0]), np.array([1])).tolist() == [0.0]


# The sets


def test_random_pairs_are_balanced_distinct_and_of_the_rows(tickets):
    rows = tickets.rows("test")
    left, right, label = adversarial.random_pairs(tickets.groups, rows, 60, seed=3)
    assert len(label) == 60 and label.sum() == 30
    assert len(unordered(left, right)) == 60
    assert set(left) | set(right) <= set(rows)
    assert ((tickets.groups[left] == tickets.groups[right]) == label).all()


def test_random_pairs_are_fewer_where_there_are_no_more(tickets):
    rows = tickets.rows("test")
    _, _, label = adversarial.random_pairs(tickets.groups, rows, 10_000, seed=3)
    assert label.sum() == 3 * 15 and len(label) == 2 * 3 * 15


def test_adversarial_pairs_are_the_extremes_of_all_pairs(tickets, words):
    rows = tickets.rows("test")
    left, right, label = adversarial.adversarial_pairs(tickets.groups, rows, words, 1000, seed=1)
    shared = lexical.overlap(words, left, right)
    for value, sign in ((1, 1), (0, -1)):
        alike = [
            (a, b) for a, b in itertools.combinations(rows, 2) if (tickets.groups[a] == tickets.groups[b]) == value
        ]
        every = np.sort(sign * lexical.overlap(words, *np.array(alike).T))
        decile = every[: int(np.ceil(len(every) / 10))]
        assert (sign * shared[label == value] <= decile[-1] + 1e-6).all()
    assert roc_auc_score(label, shared) < 0.5
    assert label.mean() == 0.5


def test_pairs_that_words_tell_apart_are_refused_as_adversarial():
    texts = [f"{word} {word}s {word}ed" for word in ("alpha", "beta", "gamma") for _ in range(4)]
    groups = np.repeat([0, 1, 2], 4)
    with pytest.raises(BadInput, match=r"TF-IDF scores AUC 1\.000 on the adversarial pairs, expected below 0\.5"):
        adversarial.adversarial_pairs(groups, np.arange(12), lexical.tfidf(texts), 20, seed=1)


def test_deciles_rise_are_balanced_and_leave_words_little_to_tell(tickets, words):
    rows = np.concatenate([tickets.rows(split) for split in dataset.SPLITS])
    deciles = adversarial.overlap_deciles(tickets.groups, rows, words, 600, seed=1)
    assert 2 <= len(deciles) <= 10
    for low, high, (left, right, label) in deciles:
        shared = lexical.overlap(words, left, right)
        assert low - 1e-6 <= shared.min() and shared.max() <= high + 1e-6
        assert label.mean() == 0.5
        assert ((tickets.groups[left] == tickets.groups[right]) == label).all()
    assert all(one.high <= two.low + 1e-6 for one, two in itertools.pairwise(deciles))


def test_deciles_of_texts_without_common_words_are_one():
    groups = np.repeat([0, 1, 2], 3)
    matrix = lexical.tfidf([f"word{number}" for number in range(9)])
    (decile,) = adversarial.overlap_deciles(groups, np.arange(9), matrix, 100, seed=1)
    assert (decile.low, decile.high, decile.pairs.label.mean()) == (0.0, 0.0, 0.5)


def test_the_legacy_label_is_the_overlap_whatever_the_tickets_mean(tickets, words):
    rows = tickets.rows("test")
    left, right, label = adversarial.legacy_pairs(tickets.groups, rows, words, 60, seed=1)
    assert roc_auc_score(label, lexical.overlap(words, left, right)) == 1.0
    assert 0.4 <= label.mean() <= 0.5
    assert ((tickets.groups[left] == tickets.groups[right]) != label).any()


def test_pairs_follow_from_the_seed(tickets, words):
    rows = tickets.rows("test")

    def draws(seed):
        given = (tickets.groups, rows)
        sets = [adversarial.random_pairs(*given, 40, seed), adversarial.legacy_pairs(*given, words, 40, seed)]
        sets.append(adversarial.adversarial_pairs(*given, words, 6, seed))
        return np.concatenate([side for found in sets for side in found])

    assert (draws(1) == draws(1)).all()
    assert (draws(1) != draws(2)).any()


@pytest.mark.parametrize(
    ("labels", "missing"), [([0, 0, 0], "negative"), ([0, 1, 2], "positive"), ([-1, -1, 0], "negative")]
)
def test_row_16_one_kind_of_pair_only(labels, missing):
    groups, rows = np.array(labels), np.arange(3)
    with pytest.raises(BadInput, match=f"3 tickets: no {missing} pair, expected two labels"):
        adversarial.random_pairs(groups, rows, 10, 1)
    with pytest.raises(BadInput, match=f"3 tickets: no {missing} pair, expected two labels"):
        adversarial.overlap_deciles(groups, rows, lexical.tfidf(["a b", "b c", "c d"]), 10, 1)
