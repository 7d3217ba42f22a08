"""lib.mamba.ranking, baselines, two_tower, reranking and latency against brute force and plain formulas."""

import numpy as np
import pytest
import tiny_articles
import torch
from refusals import refused
from sklearn.linear_model import Ridge
from tiny_articles import Following

from lib import checkpoint, metrics, vectors
from lib.index import Index, build
from lib.mamba import baselines, latency, ranking, reranking, two_tower, windows
from lib.mamba.baselines import Averages, Linear
from lib.mamba.ranking import ARTICLE, EXCLUDED, LEFT_IN, Bench
from lib.mamba.search import Search, padded
from lib.mamba.two_tower import Tower
from lib.mamba.windows import CONTEXT

SLICES = (EXCLUDED, LEFT_IN, ARTICLE)


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    return tiny_articles.load(tmp_path_factory.mktemp("ranking") / "payload")


@pytest.fixture(scope="module")
def bench(given):
    return of_split(given, "test")


def of_split(given, split: str) -> Bench:
    return Bench(given, windows.draw(given, split, 1000, 1), np.flatnonzero(given.splits == split))


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


# Baselines


def test_averages_are_their_formulas(given):
    contexts = torch.from_numpy(np.array(given.vectors[:9]))[None]
    weights = np.array([0.1, 0.2, 0.3, 0.4, 1.0])
    expected = weights @ given.vectors[4:9] + 0.5 * given.vectors[:4].mean(axis=0)
    found = Averages(torch.tensor(weights, dtype=torch.float32), 0.5).queries(contexts)[0].numpy()
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected), atol=1e-6)
    short = Averages(torch.tensor(weights, dtype=torch.float32), 0.5).queries(contexts[:, :2])[0].numpy()
    expected = weights[-2:] @ given.vectors[:2]
    np.testing.assert_allclose(short, expected / np.linalg.norm(expected), atol=1e-6)


def test_regressions_are_those_of_scikit_learn():
    torch.manual_seed(1)
    inputs, outputs = torch.randn(40, 5, 3), torch.randn(40, 3)
    flat = inputs.flatten(1)
    peer = Ridge(alpha=2.0, fit_intercept=False).fit(flat.numpy(), outputs.numpy())
    np.testing.assert_allclose(baselines.ridge(flat, outputs, 2.0).numpy(), peer.coef_.T, atol=1e-5)
    columns = inputs.permute(0, 2, 1).reshape(-1, 5).numpy()
    expected = np.linalg.lstsq(columns, outputs.reshape(-1).numpy(), rcond=None)[0]
    np.testing.assert_allclose(baselines.scalars(inputs, outputs).numpy(), expected, atol=1e-5)


def test_linear_is_a_matrix_product_with_zeros_for_what_is_not_there():
    torch.manual_seed(1)
    contexts, matrix = torch.randn(2, 5, 3), torch.randn(15, 3)
    expected = torch.nn.functional.normalize(contexts.reshape(2, 15) @ matrix, dim=1)
    torch.testing.assert_close(Linear(matrix).queries(contexts), expected)
    shorter = torch.cat([torch.zeros(2, 3, 3), contexts[:, 3:]], dim=1)
    torch.testing.assert_close(Linear(matrix).queries(contexts[:, 3:]), Linear(matrix).queries(shorter))


@pytest.fixture(scope="module")
def fitted(given):
    return baselines.fit(given, of_split(given, "validation"), 1)


def test_what_is_chosen_is_the_best_on_validation(given, fitted):
    bench = of_split(given, "validation")
    chosen = ranking.mrr(bench, fitted[baselines.RECENCY])
    assert chosen == max(ranking.mrr(bench, Averages(baselines.recency(decay))) for decay in baselines.DECAYS)
    assert chosen >= ranking.mrr(bench, fitted["mean"])


def test_towers_start_as_the_recency_mean(given, bench):
    torch.manual_seed(1)
    weights = baselines.recency(0.3)
    towers = two_tower.start(given, weights, Tower(rank=4), 1)
    expected = ranking.ranks(bench, Averages(weights))[EXCLUDED]
    np.testing.assert_array_equal(ranking.ranks(bench, towers)[EXCLUDED], expected)


def test_the_loss_of_the_towers_is_cross_entropy_over_the_pool_without_the_context(given):
    how = Tower(rank=4, temperature=0.1, batch_size=6)
    towers = two_tower.start(given, baselines.recency(0.3), how, 1)
    torch.nn.init.normal_(towers.up, std=0.1)
    torch.nn.init.normal_(towers.document_up, std=0.1)
    goal = two_tower.Objective(towers, given, how, 1)
    pool = np.flatnonzero(given.splits == "train")
    targets = pool[given.positions[pool] >= CONTEXT]
    rows = targets[two_tower.seeds.shuffled_epochs(len(targets), 6, 1, "two tower", 3)]
    losses = []
    for row in rows:
        query = towers.queries(torch.from_numpy(given.vectors[row - 5 : row].copy())[None])
        candidates = pool[(pool < row - 5) | (pool >= row)]
        scores = query @ towers.documents(torch.from_numpy(given.vectors[candidates].copy())).T / 0.1
        losses.append(-scores.log_softmax(dim=1)[0, np.flatnonzero(candidates == row)[0]].item())
    assert goal.backward(3)["loss"] == pytest.approx(np.mean(losses), rel=1e-5)


def test_baselines_come_back_from_their_checkpoint(given, bench, fitted, tmp_path):
    towers = two_tower.start(given, baselines.recency(0.3), Tower(rank=4), 1)
    torch.nn.init.normal_(towers.up, std=0.1)
    baselines.save(tmp_path / "b.ckpt", fitted, towers, {"split_sha256": "abc", "validation_mrr": {}})
    loaded, about = baselines.load(tmp_path / "b.ckpt")
    assert about["split_sha256"] == "abc"
    assert set(loaded) == {*fitted, baselines.TOWERS}
    for name, one in {**fitted, baselines.TOWERS: towers}.items():
        np.testing.assert_array_equal(ranking.ranks(bench, loaded[name])[EXCLUDED], ranking.ranks(bench, one)[EXCLUDED])


def test_a_checkpoint_of_something_else_is_no_baselines(given, tmp_path):
    tiny_articles.write_model(tmp_path / "m.ckpt", given)
    assert refused(baselines.load, tmp_path / "m.ckpt") == f"{tmp_path / 'm.ckpt'}: kind 'mamba', expected 'baselines'"


@pytest.mark.parametrize(
    ("name", "instead", "said"),
    [
        ("two-tower/down", None, "two-tower: down is nothing, expected (5, -1, -1)"),
        ("two-tower/down", torch.zeros(5, 16), "two-tower: down is (5, 16), expected (5, -1, -1)"),
        ("two-tower/document_up", torch.zeros(4, 8), "two-tower: document_up is (4, 8), expected (4, 16)"),
        ("mean/earlier", None, "mean: tensors ['weights'], expected ['earlier', 'weights']"),
        ("ridge/bias", torch.zeros(16), "ridge: tensors ['bias', 'matrix'], expected ['matrix']"),
    ],
)
def test_row_13_baselines_of_another_version(given, fitted, tmp_path, name, instead, said):
    baselines.save(tmp_path / "b.ckpt", fitted, two_tower.start(given, baselines.recency(0.3), Tower(rank=4), 1), {})
    tensors, about = checkpoint.load(tmp_path / "b.ckpt")
    changed = {key: tensor for key, tensor in (tensors | {name: instead}).items() if tensor is not None}
    checkpoint.save(tmp_path / "b.ckpt", changed, {"kind": "baselines", "names": about["names"], "validation_mrr": {}})
    assert refused(baselines.load, tmp_path / "b.ckpt") == f"{tmp_path / 'b.ckpt'}: {said}"


# Second stages and the index


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
    whole = queries @ everything.documents(reading).T
    np.testing.assert_array_equal(rows, np.argsort(-whole, axis=1, kind="stable")[:, :60])
    np.testing.assert_allclose(scores, np.take_along_axis(whole, rows, axis=1), atol=1e-6)
    through = latency.through_index(bench, reading, Index(tmp_path / "index"), 5, ())
    expected = np.minimum(ranking.ranks(everything, reading)[EXCLUDED], latency.HITS + 1)
    np.testing.assert_array_equal(through.ranks, expected)


def test_padding_changes_no_inner_product():
    xb, xq = np.random.default_rng(1).normal(size=(2, 9, 13)).astype(np.float32)
    assert padded(xb).shape == padded(padded(xb)).shape == (9, 16)
    np.testing.assert_allclose(padded(xq) @ padded(xb).T, xq @ xb.T, atol=1e-6)
