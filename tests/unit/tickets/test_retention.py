"""lib.tickets.retention: random words are held where the base has them, and with them a domain that nobody showed."""

import numpy as np
import pytest
import torch

from lib.compute import Compute
from lib.tickets import frozen, retention
from lib.tickets.objective import Batches, Objective, columns
from lib.tickets.retention import Knobs
from lib.tickets.sampler import Sampler


def test_texts_are_a_few_whole_words_of_the_vocabulary(world):
    tokenizer, _ = world.fresh()
    texts = retention.random_texts(tokenizer, 300, seed=1)
    words = [text.split() for text in texts]
    assert {len(one) for one in words} == set(range(2, 9))
    distinct = {word for one in words for word in one}
    assert distinct == {word for word in tokenizer.get_vocab() if word.isalpha() and len(word) >= 3}
    assert texts == retention.random_texts(tokenizer, 300, seed=1) != retention.random_texts(tokenizer, 300, seed=2)


def test_what_is_held_is_the_bases_own(world):
    """Before training nothing is lost, whatever the texts of the step; after it what cosines have lost."""
    tokenizer, encoder = world.fresh()
    held = retention.hold(encoder, tokenizer, Knobs(3.0, 16), seed=1)
    rows = held.rows(5)
    assert held.loss_of(rows)(torch.from_numpy(held.texts.encode(rows))).item() == pytest.approx(0, abs=1e-5)
    moved = torch.nn.functional.normalize(held.held[torch.from_numpy(rows)] + 0.1, dim=1)
    lost = [1 - float(moved[at] @ held.held[row]) for at, row in enumerate(rows)]
    assert held.loss_of(rows)(moved).item() == pytest.approx(3 * np.mean(lost), rel=1e-4)


def test_every_text_has_its_turn(world):
    tokenizer, encoder = world.fresh()
    held = retention.hold(encoder, tokenizer, Knobs(1.0, 256), seed=1)
    steps = [held.rows(step) for step in range(retention.POOL // 256)]
    assert sorted(np.concatenate(steps)) == list(range(retention.POOL))


def test_no_retention_holds_nothing(world):
    tokenizer, encoder = world.fresh()
    assert retention.hold(encoder, tokenizer, Knobs(0.0), seed=1) is None


def drift(world, weight: float) -> float:
    """How far the vectors of the foreign domain go in 30 steps, as mean cosine distance."""
    tokenizer, encoder = world.fresh()
    foreign = frozen.freeze(encoder, tokenizer, world.tickets.foreign_texts)
    before, drawn = foreign.encode(), columns(world.given)
    held = retention.hold(encoder, tokenizer, Knobs(weight, 64), seed=1)
    sampler = Sampler(world.given.groups, world.given.phases, "shuffled", 5, 30, seed=1)
    texts = frozen.freeze(encoder, tokenizer, drawn.texts)
    goal = Objective(texts, drawn, sampler, Batches(5), Compute(), held)
    optimizer = torch.optim.Adam([one for one in encoder.parameters() if one.requires_grad], 1e-3)
    for step in range(30):
        optimizer.zero_grad()
        goal.backward(step)
        optimizer.step()
    return float(1 - (before * foreign.encode()).sum(axis=1).mean())


def test_a_domain_that_is_never_shown_stays(world):
    assert drift(world, 20.0) < 0.5 * drift(world, 0.0)
