"""lib.tickets.frozen: vectors from kept states are the encoder's own, and the lower layers run once a text."""

import numpy as np
import pytest
import torch

from lib.tickets import frozen, model


@pytest.mark.parametrize(("cut", "off"), [(0, 1e-6), (1, 1e-3), (2, 1e-3)])
def test_vectors_are_the_encoders_but_for_half_precision(world, cut, off):
    tokenizer, encoder = world.moved(cut=cut)
    texts = frozen.freeze(encoder, tokenizer, world.tickets.texts)
    expected = model.encode(encoder.base, texts.tokens, encoder.head)
    assert (texts.states is None) == (cut == 0)
    assert texts.encode() == pytest.approx(expected, abs=off)
    some = np.array([5, 2, 40])
    assert texts.encode(some) == pytest.approx(expected[some], abs=off)


def test_vectors_follow_the_adapters_and_the_lower_layers_run_once(world):
    tokenizer, encoder = world.fresh()
    runs = []
    encoder.base.encoder.layer[0].register_forward_hook(lambda _, inputs, __: runs.append(len(inputs[0])))
    texts = frozen.freeze(encoder, tokenizer, world.tickets.texts)
    before = texts.encode()
    with torch.no_grad():
        for name, weight in encoder.named_parameters():
            weight += 0.1 * ("lora_B" in name)
    assert abs(texts.encode() - before).max() > 1e-2
    assert sum(runs) == len(world.tickets)
