"""lib.mamba.ranking against one question after the other, one candidate after the other."""

import numpy as np
import pytest
import torch
from tiny_articles import Following

from lib import metrics
from lib.mamba import baselines, ranking
from lib.mamba.baselines import Averages
from lib.mamba.ranking import ARTICLE, EXCLUDED, LEFT_IN, Bench
from lib.mamba.windows import CONTEXT

SLICES = (EXCLUDED, LEFT_IN, ARTICLE)


def brute(bench: Bench, predictor, slice_name: str) -> list[int]:
    """One question after the other, one candidate after the other."""
    given, found = bench.payload, []
    for target in bench.targets:
        start = target - given.positions[target]
        known = {EXCLUDED: range(target - 5, target), LEFT_IN: range(0), ARTICLE: range(start, target)}[slice_name]
        first = target - predictor.context if predictor.context else start
        query = predictor.queries(torch.from_numpy(given.vectors[max(start, first) : target].copy())[None])[0].numpy()
        documents = predictor.documents(torch.from_numpy(given.vectors[bench.pool].copy())).numpy()
        own = query @ documents[np.flatnonzero(bench.pool == target)[0]]
        candidates = [at for at, row in enumerate(bench.pool) if row not in known]
        found.append(1 + sum(query @ documents[at] >= own - 1e-6 for at in candidates if bench.pool[at] != target))
    return found


@pytest.mark.parametrize("earlier", [0.0, 0.7])
@pytest.mark.parametrize("slice_name", SLICES)
def test_ranks_are_those_of_one_question_after_the_other(bench, monkeypatch, slice_name, earlier):
    monkeypatch.setattr(ranking, "CELLS", 7 * len(bench.pool))
    predictor = Averages(baselines.recency(0.4), earlier)
    assert ranking.ranks(bench, predictor, SLICES)[slice_name].tolist() == brute(bench, predictor, slice_name)


def test_who_knows_what_follows_is_always_first(given, bench):
    found = ranking.ranks(bench, Following(given), SLICES)
    assert all((ranks == 1).all() for ranks in found.values())
    np.testing.assert_allclose(ranking.cosines(bench, Following(given)), 1, atol=1e-6)
    assert ranking.mrr(bench, Following(given)) == 1


def test_a_predictor_that_says_nothing_scores_nothing(bench):
    """All candidates tie, and ties count against the truth."""
    found = ranking.ranks(bench, Averages(torch.zeros(1)))[EXCLUDED]
    assert (found == len(bench.pool) - CONTEXT).all()


def test_left_in_the_context_takes_the_first_places_of_the_last_vector(bench):
    last = Averages(torch.ones(1))
    found = ranking.ranks(bench, last, SLICES)
    assert (found[LEFT_IN] > found[EXCLUDED]).all()
    assert metrics.recall_at_k(found[LEFT_IN], 1).sum() == 0


def test_recall_falls_with_the_pool_and_ends_at_that_of_the_whole(bench):
    last = Averages(torch.ones(1))
    places = np.random.default_rng(1).random(len(bench.pool))
    members = places[:, None] < np.array([0.0, 0.3, 1.0])
    found = ranking.by_pool_size(bench, last, members, 5)
    assert found == sorted(found, reverse=True)
    assert found[-1] == metrics.recall_at_k(ranking.ranks(bench, last)[EXCLUDED], 5).mean()
    ranks = []  # among the own article alone
    for target, scores in zip(bench.targets, np.concatenate([s for _, s in bench.scored(last)])):
        article = bench.payload.articles[bench.pool] == bench.payload.articles[target]
        known = (bench.pool >= target - 5) & (bench.pool < target)
        ranks.append((scores[article & ~known] >= scores[bench.pool == target]).sum())
    assert found[0] == np.mean(np.array(ranks) <= 5)
