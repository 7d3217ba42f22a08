"""What a step sees and what it minimises, against the same written out."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tiny_mamba_training import SAMPLING

from lib.compute import Compute
from lib.errors import BadInput
from lib.mamba import batches
from lib.mamba.batches import EMPTY, Batches
from lib.mamba.objective import Objective, Weights

CLEAN = replace(SAMPLING, article_dropout=0.0, span_corruption=0.0)
WINDOWS = replace(CLEAN, batch_size=32)
CONTRASTIVE = Weights(1.0, 0.0)


def gradients(network, goal, step=0):
    network.zero_grad()
    row = goal.backward(step)
    return row, {name: weight.grad.clone() for name, weight in network.named_parameters() if weight.grad is not None}


def of(little, sampling=CLEAN, weights=CONTRASTIVE, **changes):
    network = little.model(dropout=0.0, tower_dropout=0.0, **changes)
    return network, Objective(network, Batches(little.payload, network.context, sampling, 1), weights, Compute())


def test_only_training_articles_take_part(little):
    for context, sampling in ((0, CLEAN), (5, WINDOWS)):
        drawn = Batches(little.payload, context, sampling, seed=1)
        for step in range(2 * drawn.steps_per_epoch):
            batch = drawn.batch(step)
            rows = np.concatenate([batch.rows[batch.rows != EMPTY], batch.targets, drawn.candidates(batch)])
            assert set(little.payload.splits[rows]) == {"train"}


def test_an_epoch_asks_for_every_chunk_that_has_five_before_it(little):
    train = (little.payload.splits == "train") & (little.payload.positions >= 5)
    whole = replace(CLEAN, length=12, batch_size=6)
    for context, sampling in ((0, whole), (5, replace(WINDOWS, batch_size=int(train.sum())))):
        drawn = Batches(little.payload, context, sampling, seed=1)
        asked = np.concatenate([drawn.batch(step).targets for step in range(drawn.steps_per_epoch)])
        assert sorted(asked) == np.flatnonzero(train).tolist()


def test_a_question_comes_after_the_chunk_before_its_answer(little):
    for context, sampling in ((0, CLEAN), (5, WINDOWS)):
        batch = Batches(little.payload, context, sampling, seed=1).batch(3)
        last = batch.rows[batch.sequence, batch.place]
        assert (last + 1 == batch.targets).all()
        assert (little.payload.articles[last] == little.payload.articles[batch.targets]).all()


def test_an_article_that_is_too_long_begins_somewhere_else_each_time(little):
    drawn = Batches(little.payload, 0, replace(CLEAN, length=7), seed=1)
    begins = {int(row[0]) for step in range(40) for row in drawn.batch(step).rows}
    positions = little.payload.positions[sorted(begins)]
    assert set(positions) == set(range(6)), "twelve chunks in sequences of seven"
    assert drawn.batch(0).rows.shape[1] == 7


@pytest.mark.parametrize("buckets", [0, 64])
def test_the_loss_is_cross_entropy_among_what_a_search_finds(little, buckets):
    """Every question for itself; without the context, and with a memory without all that was read."""
    network, goal = of(little, buckets=buckets)
    batch = goal.batches.batch(0)
    candidates = np.unique(batch.rows[batch.rows != EMPTY])
    documents = network.documents(goal.vectors[candidates])[:, : network.indexed]
    losses = []
    for sequence, place, target in zip(batch.sequence, batch.place, batch.targets):
        read = batch.rows[sequence, : place + 1]
        query = network.queries(goal.vectors[read][None])[0, : network.indexed]
        scores = query @ documents.T * network.log_scale.exp()
        scores[np.isin(candidates, read if buckets else read[-5:])] = -torch.inf
        losses.append(F.cross_entropy(scores, torch.tensor(np.searchsorted(candidates, target))))
    assert goal.backward(0)["contrastive"] == pytest.approx(torch.stack(losses).mean().item(), rel=1e-5)


def test_a_window_hides_what_it_has_read_and_no_more(little):
    """The article's beginning is a candidate for a model that does not see it."""
    windows, articles = of(little, WINDOWS, context=5)[1], of(little)[1]
    assert (windows._known(windows.batches.batch(0)) == 5).all()
    batch = articles.batches.batch(0)
    positions = little.payload.positions[batch.targets] - little.payload.positions[batch.rows[batch.sequence, 0]]
    assert (articles._known(batch) == positions).all()


def test_the_whole_pool_as_negatives(little):
    goal = of(little, replace(CLEAN, negatives="pool"))[1]
    batch = goal.batches.batch(0)
    assert goal.batches.candidates(batch).tolist() == np.flatnonzero(little.payload.splits == "train").tolist()
    assert goal.backward(0)["contrastive"] > of(little)[1].backward(0)["contrastive"]


@pytest.mark.parametrize("search", ["towers", "head"])
def test_micro_batches_keep_all_negatives(little, search):
    """The fault: 4 x 8 windows gave 7 negatives each; here the gradient is that of all 31."""
    shape = {"context": 5, "search": search}
    network, whole = of(little, WINDOWS, **shape)
    row, expected = gradients(network, whole)
    row_parted, found = gradients(*of(little, replace(WINDOWS, micro_batch=8), **shape))
    assert len(whole.batches.candidates(whole.batches.batch(0))) == 32
    assert row_parted["loss"] == pytest.approx(row["loss"], rel=1e-6)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        assert torch.allclose(found[name], gradient, rtol=1e-4, atol=1e-6), name


def test_accumulating_gradients_is_not_the_same(little):
    network, whole = of(little, WINDOWS, context=5)
    row, _ = gradients(network, whole)
    small = of(little, replace(WINDOWS, batch_size=8), context=5)[1]
    assert np.mean([small.backward(step)["loss"] for step in range(4)]) < row["loss"] / 2


def test_the_head_has_no_gradient_through_the_targets(little):
    network, goal = of(little, WINDOWS, context=5, search="head", buckets=0)
    _, found = gradients(network, goal)
    batch = goal.batches.batch(0)
    with torch.no_grad():
        targets = network.space.query(goal.vectors[goal.batches.candidates(batch)])
    network.zero_grad()
    queries = network.queries(goal.vectors[batch.rows])
    scores = queries @ targets.T * network.log_scale.exp()
    rows = torch.from_numpy(np.searchsorted(goal.batches.candidates(batch), batch.targets))
    before = batch.targets[:, None] - goal.batches.candidates(batch)
    scores = scores.masked_fill(torch.from_numpy((before > 0) & (before <= 5)), -torch.inf)
    F.cross_entropy(scores, rows).backward()
    for name, weight in network.space.named_parameters():
        assert torch.allclose(found[f"space.{name}"], weight.grad, rtol=1e-3, atol=1e-5), name


def test_the_terms_are_weighed(little):
    row = of(little, weights=Weights(0.7, 0.3))[1].backward(0)
    assert row["loss"] == pytest.approx(0.7 * row["contrastive"] + 0.3 * (1 - row["cosine"]), rel=1e-6)


def test_a_step_is_a_function_of_seed_and_step(little):
    first, again = (of(little, SAMPLING)[1] for _ in range(2))
    assert first.backward(5) == again.backward(5)
    assert first.backward(6) != again.backward(7)


def test_article_dropout_takes_the_end_of_a_window():
    rows = np.arange(4000).reshape(800, 5)
    found = batches.dropped(rows, np.full(800, 5), 0.25, np.random.default_rng(0))
    gone = (found == EMPTY).sum(axis=1)
    assert set(gone) == {0, 1, 2, 3}
    assert 0.2 < (gone > 0).mean() < 0.3
    for row, count in zip(found, gone):
        assert (row[5 - count :] == EMPTY).all()
    assert (found[:, :2] == rows[:, :2]).all()


def test_span_corruption_takes_a_chunk_of_another_article():
    rows, articles = np.arange(4000).reshape(800, 5), np.arange(4000) // 10
    found = batches.corrupted(rows, np.full(800, 5), articles, 0.1, np.random.default_rng(0))
    changed = found != rows
    assert changed.sum(axis=1).max() == 1
    assert 0.07 < changed.any(axis=1).mean() < 0.13
    where = changed.nonzero()
    assert (articles[found[where]] != articles[rows[where]]).all()


def test_noise_reaches_the_inputs_and_nothing_else(little):
    drawn = Batches(little.payload, 0, replace(SAMPLING, article_dropout=1.0), seed=1)
    vectors = torch.from_numpy(np.array(little.payload.vectors))
    batch = drawn.batch(0)
    clean = Batches(little.payload, 0, CLEAN, seed=1)
    assert (batch.rows == clean.batch(0).rows).all()
    zero = (drawn.noisy(batch, vectors, 0) == 0).all(dim=-1).numpy()
    lost = (zero & (batch.rows != EMPTY)).sum(axis=1)
    assert set(lost) <= {1, 2, 3}
    assert (zero[batch.rows == EMPTY]).all()


def test_row_18_no_article_long_enough(little):
    from dataclasses import replace as changed

    short = changed(little.payload, splits=np.full(len(little.payload), "test"))
    with pytest.raises(BadInput, match=r"no training article has 6 chunks, expected some$"):
        Batches(short, 0, CLEAN, seed=1)
