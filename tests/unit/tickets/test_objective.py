"""lib.tickets.objective: the gradient of a step against every text encoded alone, and who belongs with whom."""

import numpy as np
import pytest
import torch

from lib import adapters
from lib.compute import Compute
from lib.tickets import frozen, losses, model, retention
from lib.tickets.objective import NONE, Batches, Objective, columns
from lib.tickets.pairs import Pairs
from lib.tickets.sampler import Sampler

HELD = retention.Knobs(retention=5.0, retention_batch=6)


def step(world, given: Pairs, held: retention.Knobs = HELD, **knobs):
    """(row of the history, gradients, objective) of the second step with dropout off."""
    tokenizer, encoder = world.moved()
    batches = Batches(batch_size=4, **knobs)
    sampler = Sampler(given.groups, given.phases, "shuffled", batches.batch_size, steps=8, seed=1)
    goal = objective(encoder, tokenizer, given, sampler, batches, base_of(world, held))
    row = goal.backward(1)
    return row, {name: w.grad for name, w in encoder.named_parameters() if w.requires_grad}, goal


def base_of(world, held: retention.Knobs) -> torch.Tensor | None:
    """What the base, before it moved, has for the texts that are held."""
    tokenizer, encoder = world.fresh()
    base = retention.hold(encoder, tokenizer, held, seed=1)
    return None if base is None else base.held


def objective(encoder, tokenizer, given: Pairs, sampler, batches: Batches, base: torch.Tensor | None) -> Objective:
    drawn = columns(given)
    held = None if base is None else retention.Retention(encoder, tokenizer, HELD, seed=1)
    if held:
        held.held = base
    texts = frozen.freeze(encoder, tokenizer, drawn.texts)
    return Objective(texts, drawn, sampler, batches, Compute(), held)


def alone(world, goal: Objective) -> tuple[float, float, dict[str, torch.Tensor]]:
    """The same step with each text in a batch of its own: (ranking loss, retention, gradients)."""
    tokenizer, encoder = world.moved()
    drawn, rows = goal.pairs, goal.sampler.batch(1)
    every = {row for column in (drawn.anchors, drawn.positives, drawn.negatives) for row in column[rows]} - {NONE}
    told = {text: set() for text in drawn.texts}
    for anchor, positive, group in zip(world.given.anchors, world.given.positives, world.given.groups):
        told[anchor].add(group)
        told[positive].add(group)
    texts = [drawn.texts[row] for row in sorted(every)]
    together = torch.tensor([[bool(told[one] & told[other]) for other in texts] for one in texts])

    def vectors(texts: list[str]) -> torch.Tensor:
        tokens = model.tokenize(tokenizer, texts, encoder.shape)
        lower = [encoder.up_to_cut(tokens.batch(np.array([at]))) for at in range(len(texts))]
        return torch.cat([encoder.above(states.half().float(), below) for states, below in lower])  # as states are kept

    ranking = losses.matryoshka(vectors(texts), together, encoder.dims)
    held = goal.retention.rows(1)
    random = retention.random_texts(tokenizer, retention.POOL, seed=1)
    now, before = vectors([random[row] for row in held]), goal.retention.held[torch.from_numpy(held)]
    kept = HELD.retention * (1 - torch.nn.functional.cosine_similarity(now, before)).mean()
    (ranking + kept).backward()
    return ranking.item(), kept.item(), {name: w.grad for name, w in encoder.named_parameters() if w.requires_grad}


@pytest.mark.parametrize("knobs", [{}, {"max_tokens": 30}, {"max_tokens": 30, "grad_cache": True}])
def test_the_gradient_is_that_of_texts_alone(world, knobs):
    row, gradients, goal = step(world, world.given, **knobs)
    ranking, kept, expected = alone(world, goal)
    assert row["retention"] == pytest.approx(kept, abs=1e-5)
    assert kept > 0.1
    assert row["loss"] == pytest.approx(ranking + kept, abs=1e-5)
    assert gradients.keys() == expected.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-3, atol=1e-5)
    assert any(gradient.abs().max() > 1e-3 for gradient in gradients.values())


def test_without_retention_the_ranking_alone_is_learnt(world):
    row, _, goal = step(world, world.given, retention.Knobs(0.0))
    assert goal.retention is None
    assert "retention" not in row


def test_each_distinct_text_is_encoded_once(world):
    """One anchor, positive and negative in common: three texts of two rows are four, not six."""
    given = Pairs(["a", "b"], ["c", "d"], ["b", None], np.array([0, 1]), np.array([1, 1]))
    seen = []
    tokenizer, encoder = world.fresh()
    encoder.layers[0].register_forward_hook(lambda _, inputs, __: seen.append(len(inputs[0])))
    sampler = Sampler(given.groups, given.phases, "shuffled", 2, steps=1, seed=1)
    objective(encoder, tokenizer, given, sampler, Batches(2), None).backward(0)
    assert sum(seen) == 4


def test_texts_belong_together_by_every_label_they_have():
    """A hard negative that another row knows has its label; one text under two labels is no negative of either."""
    given = Pairs(["a", "b", "b"], ["c", "d", "c"], ["d", "x", None], np.array([0, 1, 1]), np.array([1, 1, 1]))
    drawn = columns(given)
    texts, together = drawn.batch(np.array([0, 1]))
    names = [drawn.texts[text] for text in texts]
    assert names == ["a", "b", "c", "d", "x"]
    found = {(names[i], names[j]) for i, j in zip(*np.nonzero(together)) if i < j}
    assert found == {("a", "c"), ("b", "c"), ("b", "d"), ("c", "d")}


def test_columns_hold_the_texts(world):
    drawn = columns(world.given)
    assert [drawn.texts[row] for row in drawn.anchors] == list(world.given.anchors)
    assert [drawn.texts[row] for row in drawn.positives] == list(world.given.positives)
    found = [None if row == NONE else drawn.texts[row] for row in drawn.negatives]
    assert found == list(world.given.negatives)


def test_adapters_alone_get_a_gradient(world):
    _, _, goal = step(world, world.given)
    assert all(("lora_" in name) == (w.grad is not None) for name, w in goal.texts.encoder.base.named_parameters())
    assert len(adapters.lora_layers(goal.texts.encoder)) == 12
