"""lib.tickets.objective: the gradient of a step against every text encoded alone, and what may be a negative."""

import numpy as np
import pytest
import torch

from lib import adapters, encoders
from lib.compute import Compute
from lib.tickets import frozen, losses, model
from lib.tickets.objective import NONE, Batches, Objective, columns, false_negatives
from lib.tickets.pairs import Pairs
from lib.tickets.sampler import Sampler


def step(world, given: Pairs, **knobs) -> tuple[float, dict[str, torch.Tensor], Objective]:
    """(loss, gradients, objective) of the second step with dropout off."""
    tokenizer, encoder = world.moved()
    batches = Batches(batch_size=4, **knobs)
    sampler = Sampler(given.groups, given.phases, "shuffled", batches.batch_size, steps=8, seed=1)
    goal = objective(encoder, tokenizer, given, sampler, batches)
    loss = goal.backward(1)["loss"]
    return loss, {name: w.grad for name, w in encoder.named_parameters() if w.requires_grad}, goal


def objective(encoder, tokenizer, given: Pairs, sampler: Sampler, batches: Batches) -> Objective:
    drawn = columns(given)
    return Objective(frozen.freeze(encoder, tokenizer, drawn.texts), drawn, sampler, batches, Compute())


def alone(world, goal: Objective) -> tuple[float, dict[str, torch.Tensor]]:
    """The same step with each text in a batch of its own."""
    tokenizer, encoder = world.moved()
    rows = goal.sampler.batch(1)
    texts, drawn = goal.pairs.texts, goal.pairs
    negatives = drawn.negatives[rows]
    candidates = np.concatenate([drawn.positives[rows], negatives[negatives != NONE]])
    tokens = model.tokenize(tokenizer, texts, encoder.shape)

    def vector(row: int) -> torch.Tensor:
        lower = encoders.lower_states(encoder.base, tokens.batch(np.array([row])), encoder.shape.cut)
        return encoder.above(lower.half().float())  # as states are kept

    vectors = [torch.cat([vector(row) for row in of]) for of in (drawn.anchors[rows], candidates)]
    hidden = torch.from_numpy(false_negatives(drawn.labels, drawn.anchors[rows], candidates))
    loss = losses.matryoshka(*vectors, encoder.dims, hidden)
    loss.backward()
    return loss.item(), {name: w.grad for name, w in encoder.named_parameters() if w.requires_grad}


@pytest.mark.parametrize("knobs", [{}, {"max_tokens": 30}, {"max_tokens": 30, "grad_cache": True}])
def test_the_gradient_is_that_of_texts_alone(world, knobs):
    loss, gradients, goal = step(world, world.given, **knobs)
    expected_loss, expected = alone(world, goal)
    assert loss == pytest.approx(expected_loss, abs=1e-5)
    assert gradients.keys() == expected.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-3, atol=1e-5)
    assert any(gradient.abs().max() > 1e-3 for gradient in gradients.values())


def test_each_distinct_text_is_encoded_once(world):
    """One anchor, positive and negative in common: three texts of two rows are four, not six."""
    given = Pairs(["a", "b"], ["c", "d"], ["b", None], np.array([0, 1]), np.array([1, 1]))
    seen = []
    tokenizer, encoder = world.fresh()
    encoder.layers[0].register_forward_hook(lambda _, inputs, __: seen.append(len(inputs[0])))
    sampler = Sampler(given.groups, given.phases, "shuffled", 2, steps=1, seed=1)
    objective(encoder, tokenizer, given, sampler, Batches(2)).backward(0)
    assert sum(seen) == 4


def test_a_hard_negative_of_one_row_is_no_negative_of_its_own_label():
    """Row 0's hard negative is a ticket of row 1's label: for row 1 it would be a false one."""
    given = Pairs(["a", "b", "b"], ["c", "d", "e"], ["e", "x", None], np.array([0, 1, 1]), np.array([1, 1, 1]))
    drawn = columns(given)
    row = {text: at for at, text in enumerate(drawn.texts)}
    candidates = np.array([row[text] for text in ("c", "d", "e", "x")])
    hidden = false_negatives(drawn.labels, drawn.anchors[:2], candidates)
    assert hidden.tolist() == [[False, False, False, False], [False, False, True, False]]


def test_a_text_is_no_negative_of_itself():
    """Masking may leave tickets of two labels with one text."""
    labels = np.array([0, 1, 2, 3])
    hidden = false_negatives(labels, anchors=np.array([0, 1]), candidates=np.array([2, 3, 0, 2]))
    assert hidden.tolist() == [[False, False, True, True], [False, False, False, False]]


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
