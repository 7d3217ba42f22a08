"""lib.tickets.model: the encoder against transformers' and sentence-transformers' own forward passes."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sentence_transformers import SentenceTransformer

from lib import adapters
from lib.errors import BadInput
from lib.tickets import model

TEXTS = ["the vpn tunnel drops", "paper gets stuck on the third floor again and again", "no"]


@pytest.mark.parametrize(
    ("dims", "width", "fit"),
    [
        ((768, 512, 256, 128, 64), 768, (768, 512, 256, 128, 64)),
        ((768, 512, 256, 128, 64), 384, (384, 256, 128, 64)),
        ((64,), 384, (384, 64)),
        ((512,), 32, (32,)),
    ],
)
def test_widths_that_fit_and_always_the_whole(dims, width, fit):
    assert model.fitting(dims, width) == fit


@pytest.mark.parametrize("cut", [0, 1, 2])
def test_new_adapters_change_nothing(world, cut):
    """The mean states of all of transformers' layers under the head, at any cut."""
    tokenizer, encoder = world.fresh(cut=cut)
    for text in TEXTS:
        ids = torch.tensor([tokenizer(text, truncation=True, max_length=96)["input_ids"]])
        with torch.no_grad():
            *lower, last = (states.mean(dim=1) for states in encoder.base(ids, output_hidden_states=True).hidden_states)
        mixed = F.normalize(last + encoder.head.lower * sum(lower), dim=1)
        expected = F.normalize(mixed @ encoder.head.weight + encoder.head.bias, dim=1)
        torch.testing.assert_close(encoder(ids), expected)


def test_vectors_are_sentence_transformers(world):
    tokenizer, encoder = world.fresh()
    reference = SentenceTransformer(world.encoder, device="cpu")
    reference.max_seq_length = 96
    ours = model.encode(encoder.base, model.tokenize(tokenizer, TEXTS, encoder.shape))
    assert ours == pytest.approx(reference.encode(TEXTS, normalize_embeddings=True), abs=1e-5)
    assert np.linalg.norm(model.unit(ours, 8), axis=1) == pytest.approx(np.ones(3), abs=1e-6)


def test_adapters_above_the_cut_alone_learn(world):
    _, encoder = world.fresh(cut=2)
    learning = {name for name, weight in encoder.named_parameters() if weight.requires_grad}
    assert len(encoder.layers) == 1
    assert learning == {name for name, _ in encoder.named_parameters() if "lora_" in name}
    assert len(adapters.lora_layers(encoder)) == len(adapters.lora_layers(encoder.base)) == 6
    assert not any(weight.requires_grad and "lora_" not in name for name, weight in encoder.base.named_parameters())


def test_adapters_are_a_function_of_the_seed(world):
    first, again, other = (dict(model.start(world.shape(), seed)[1].named_parameters()) for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_a_cut_that_leaves_nothing(world):
    said = r"^tickets.encoder.cut: 3 leaves no layer to adapt, the encoder has 3$"
    with pytest.raises(BadInput, match=said):
        world.fresh(cut=3)
