"""lib.mamba.reranking, search, latency: second stages by their definitions, ranks through an index by brute force."""

import numpy as np
import pytest
import torch

from lib import vectors
from lib.index import Index, build
from lib.mamba import latency, ranking, reranking
from lib.mamba.baselines import Averages
from lib.mamba.ranking import EXCLUDED, Bench
from lib.mamba.search import Search, padded


def test_the_first_stage_has_the_ranks_of_all_candidates(bench):
    last = Averages(torch.ones(1))
    hits, relevance = reranking.first_stage(bench, last)
    ranks, all_ranks = reranking.ranked(bench, hits, relevance), ranking.ranks(bench, last)[EXCLUDED]
    inside = all_ranks <= reranking.HITS
    np.testing.assert_array_equal(ranks[inside], all_ranks[inside])
    assert (ranks[~inside] == reranking.NEVER).all()
    assert not ((bench.pool[hits] >= bench.targets[:, None] - 5) & (bench.pool[hits] < bench.targets[:, None])).any()


def test_the_same_article_comes_first_in_its_old_order(bench):
    hits, relevance = reranking.first_stage(bench, Averages(torch.ones(1)))
    order = np.argsort(-reranking.same_article(bench, hits, relevance), axis=1, kind="stable")
    for at, own in enumerate(order):
        same = bench.payload.articles[bench.pool[hits[at, own]]] == bench.groups[at]
        assert same.tolist() == sorted(same.tolist(), reverse=True)
        assert own[same].tolist() == sorted(own[same].tolist())


def test_mmr_is_its_definition(bench):
    """Greedily the largest lambda * relevance - (1 - lambda) * nearest chosen (Carbonell and Goldstein, 1998)."""
    hits, relevance = reranking.first_stage(bench, Averages(torch.ones(1)))
    found = np.argsort(-reranking.mmr(bench, hits, relevance), axis=1)
    for at in (0, len(hits) - 1):
        assert found[at].tolist() == marginal(relevance[at], bench.payload.vectors[bench.pool[hits[at]]])


def marginal(relevance: np.ndarray, found: np.ndarray) -> list[int]:
    chosen: list[int] = []

    def value(hit: int) -> float:
        nearest = max((found[hit] @ found[other] for other in chosen), default=0.0)
        return 0.7 * relevance[hit] - 0.3 * max(nearest, 0.0)

    while len(chosen) < len(relevance):
        chosen.append(max((hit for hit in range(len(relevance)) if hit not in chosen), key=value))
    return chosen


def test_directional_adds_a_tenth_of_the_cosine_of_two_steps(bench):
    hits, relevance = reranking.first_stage(bench, Averages(torch.ones(1)))
    found = reranking.directional(bench, hits, relevance)
    stored, target = bench.payload.vectors, bench.targets[3]
    ahead, heading = stored[bench.pool[hits[3, 7]]] - stored[target - 1], stored[target - 1] - stored[target - 2]
    cosine = ahead @ heading / np.linalg.norm(ahead) / np.linalg.norm(heading)
    assert found[3, 7] == pytest.approx(relevance[3, 7] + 0.1 * cosine, rel=1e-4)


def test_through_an_exact_index_ranks_are_exact(given, bench, tmp_path):
    vectors.save(tmp_path / "points", np.array(given.vectors), given.ids, {})
    build(tmp_path / "points", "Flat", "inner_product", tmp_path / "index")
    last = Averages(torch.ones(1))
    through = latency.through_index(bench, last, Index(tmp_path / "index"), 5, ())
    everything = Bench(given, bench.targets, np.arange(len(given)))
    expected = np.minimum(ranking.ranks(everything, last)[EXCLUDED], latency.HITS + 1)
    np.testing.assert_array_equal(through.ranks, expected)
    assert through.told["index"]["recall_at_50"] == 1
    assert len(through.search_ms) == 5
    assert all(
        0 <= through.told[part]["p50_ms"] <= through.told[part]["p95_ms"] for part in ("model", "search", "lookup")
    )


class Reading(Averages):
    """The last vector, and five numbers beyond it that tell every fifth chunk from the others."""

    indexed = -5

    def queries(self, contexts: torch.Tensor) -> torch.Tensor:
        marks = torch.zeros(len(contexts), 5)
        marks[:, 2] = -0.5
        return torch.cat([super().next_vectors(contexts), marks], dim=1)

    def documents(self, found: torch.Tensor) -> torch.Tensor:
        marks = torch.nn.functional.one_hot((found[:, 0].abs() * 1e4).long() % 5, 5)
        return torch.cat([found, marks.to(found)], dim=1)


def test_an_index_of_the_first_numbers_finds_what_the_whole_vectors_rank(given, bench, tmp_path):
    vectors.save(tmp_path / "points", np.array(given.vectors), given.ids, {})
    build(tmp_path / "points", "Flat", "inner_product", tmp_path / "index")
    everything, reading = Bench(given, bench.targets, np.arange(len(given))), Reading(torch.ones(1))
    queries = bench.ask(reading.queries, 1)
    scores, rows = Search(bench, reading, Index(tmp_path / "index"))(queries, 60)
    whole = queries @ everything.documents(reading, everything.pool).T
    np.testing.assert_array_equal(rows, np.argsort(-whole, axis=1, kind="stable")[:, :60])
    np.testing.assert_allclose(scores, np.take_along_axis(whole, rows, axis=1), atol=1e-6)
    through = latency.through_index(bench, reading, Index(tmp_path / "index"), 5, ())
    expected = np.minimum(ranking.ranks(everything, reading)[EXCLUDED], latency.HITS + 1)
    np.testing.assert_array_equal(through.ranks, expected)


def test_padding_changes_no_inner_product():
    xb, xq = np.random.default_rng(1).normal(size=(2, 9, 13)).astype(np.float32)
    assert padded(xb).shape == padded(padded(xb)).shape == (9, 16)
    np.testing.assert_allclose(padded(xq) @ padded(xb).T, xq @ xb.T, atol=1e-6)
