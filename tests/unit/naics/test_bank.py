"""lib.naics.bank: what the frozen base said once is what it would say every time."""

import numpy as np
import pytest
import torch
from refusals import refused
from torch.nn.functional import normalize

from lib import checkpoint, tokens
from lib.errors import BadInput
from lib.naics import bank
from lib.naics.texts import QUERY_CHANNEL, fingerprint

ROWS = np.array([9, 2, 31, 0, 17, 18, 30, 4])


@pytest.fixture(scope="module")
def banks(world):
    return {cut: world.frozen(cut)[0] for cut in (0, 1, 2)}


def full_forward(world, channel: int, rows) -> torch.Tensor:
    """Each text alone through transformers' own forward, mean-pooled, of length 1."""
    texts = [world.data.texts[channel].texts[row] for row in rows]
    ids = [tokens.tokenize(world.tokenizer, [text], 16).ids.tolist() for text in texts]
    with torch.no_grad():
        return normalize(torch.cat([world.base(torch.tensor([row])).last_hidden_state.mean(1) for row in ids]))


@pytest.mark.parametrize("cut", [0, 1, 2])
@pytest.mark.parametrize("channel", range(4))
def test_raw_vectors_are_the_full_forward(world, channel, cut):
    rows = ROWS % len(world.data.texts[channel].texts)
    raw = torch.from_numpy(world.frozen(cut)[1][channel][rows])
    torch.testing.assert_close(raw, full_forward(world, channel, rows), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("cut", [1, 2])
def test_stored_states_and_the_layers_above_are_the_full_forward(world, banks, cut):
    """To what float16 keeps: 11 bits."""

    def above(hidden, _):
        for layer in world.base.encoder.layer[cut:]:
            hidden = layer(hidden, None)
        return hidden.mean(1)

    assert banks[cut].channels[0].states.dtype == torch.float16
    with torch.no_grad():
        found = banks[cut].encode(above, QUERY_CHANNEL, ROWS)
    expected = full_forward(world, QUERY_CHANNEL, ROWS)
    torch.testing.assert_close(found, expected, rtol=0, atol=5e-3 * expected.abs().max().item())


def test_cut_0_stores_no_states_and_agrees_with_every_cut(world, banks):
    """The adapters of the upper two layers, run on stored states or from the ids through all layers."""
    encoders = world.model(cut=1).encoders

    def from_the_start(hidden, channel):
        return encoders(world.base.encoder.layer[0](hidden, None), channel)

    assert banks[0].channels[0].states is None
    for channel in range(4):
        rows = ROWS % len(world.data.texts[channel].texts)
        with torch.no_grad():
            whole, stored = banks[0].encode(from_the_start, channel, rows), banks[1].encode(encoders, channel, rows)
        torch.testing.assert_close(whole, stored, rtol=0, atol=5e-3 * whole.abs().max().item())
        raw = torch.from_numpy(world.frozen(0)[1][channel][rows])
        assert (whole - raw).abs().max() > 0.02, "the adapters do something"


@pytest.mark.parametrize("max_tokens", [1, 40, 4096])
def test_vectors_come_in_the_order_asked(world, banks, max_tokens):
    encoders = world.model().encoders
    with torch.no_grad():
        together = banks[1].encode(encoders, QUERY_CHANNEL, ROWS, max_tokens)
        alone = [banks[1].encode(encoders, QUERY_CHANNEL, ROWS[at : at + 1]) for at in range(len(ROWS))]
    assert len(set(banks[1].channels[QUERY_CHANNEL].tokens.lengths[ROWS])) > 3
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-5)


def test_encoding_each_text_once_is_encoding_every_text(world, banks):
    """Values and gradients of a batch with repeats, against one forward for each slot of the batch."""
    slots = np.array([3, 8, 3, 3, 20, 8, 1])
    distinct, back = np.unique(slots, return_inverse=True)
    weights = torch.randn(len(slots), 32, generator=torch.Generator().manual_seed(1))
    found = []
    for once in (True, False):
        encoders = world.model().encoders
        vectors = (
            banks[1].encode(encoders, QUERY_CHANNEL, distinct)[torch.from_numpy(back)]
            if once
            else torch.cat([banks[1].encode(encoders, QUERY_CHANNEL, slots[at : at + 1]) for at in range(len(slots))])
        )
        (vectors * weights).sum().backward()
        found.append(
            (vectors.detach(), [p.grad for p in encoders.stacks[QUERY_CHANNEL].parameters() if p.requires_grad])
        )
    torch.testing.assert_close(found[0][0], found[1][0], rtol=1e-4, atol=1e-5)
    for once, every in zip(found[0][1], found[1][1]):
        torch.testing.assert_close(once, every, rtol=1e-3, atol=1e-4)


def test_no_rows_are_no_vectors(world, banks):
    nothing = np.array([], dtype=np.int64)
    assert banks[1].encode(world.model().encoders, 0, nothing).shape == (0, 32)


# On disk


@pytest.fixture
def stored(world, banks, tmp_path):
    about = {"encoder": world.encoder, "cut": 1, "texts": fingerprint(world.data.texts)}
    bank.save(tmp_path / "texts.safetensors", banks[1].channels, about)
    return tmp_path / "texts.safetensors"


def test_what_was_stored_comes_back(world, banks, stored):
    again = bank.load(stored, world.data.texts, world.base, world.encoder, 1)
    for found, given in zip(again.channels, banks[1].channels):
        assert torch.equal(found.states, given.states)
        np.testing.assert_array_equal(found.tokens.ids, given.tokens.ids)
        np.testing.assert_array_equal(found.tokens.offsets, given.tokens.offsets)


@pytest.mark.parametrize(("encoder", "cut"), [("minilm", 1), (None, 2)])
def test_row_8_texts_of_another_encoder_or_cut(world, stored, encoder, cut):
    said = refused(bank.load, stored, world.data.texts, world.base, encoder or world.encoder, cut)
    wanted = f"{encoder or world.encoder} at cut {cut}"
    assert said == f"{stored}: encoder {world.encoder} at cut 1, expected {wanted}"


def test_row_8_texts_of_other_data(world, stored):
    """Rows are positions: one text more, and every vector would be another text's."""
    texts = [*world.data.texts[:3], world.data.texts[0]]
    with pytest.raises(BadInput, match=r"texts\.safetensors: made of other texts than those of the data"):
        bank.load(stored, texts, world.base, world.encoder, 1)


def test_a_checkpoint_that_holds_no_texts(world, tmp_path):
    checkpoint.save(tmp_path / "stage1.ckpt", {}, {"kind": "naics"})
    with pytest.raises(BadInput, match=r"stage1\.ckpt: kind 'naics', expected 'naics texts'$"):
        bank.load(tmp_path / "stage1.ckpt", world.data.texts, world.base, world.encoder, 1)
