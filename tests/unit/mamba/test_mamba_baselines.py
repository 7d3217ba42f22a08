"""lib.mamba.baselines and two_tower against plain formulas and scikit-learn, and what a checkpoint keeps of them."""

import numpy as np
import pytest
import tiny_articles
import torch
from refusals import refused
from sklearn.linear_model import Ridge
from tiny_articles import of_split

from lib import checkpoint
from lib.mamba import baselines, ranking, two_tower
from lib.mamba.baselines import Averages, Linear
from lib.mamba.ranking import EXCLUDED
from lib.mamba.two_tower import Tower
from lib.mamba.windows import CONTEXT


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
