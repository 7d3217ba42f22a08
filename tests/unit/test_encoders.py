"""lib.encoders: the vectors of sentence-transformers, without its padding; or one line that says why not."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from refusals import refused
from sentence_transformers import SentenceTransformer
from tiny_naics import write_encoder
from transformers import MPNetConfig, MPNetModel

from lib import encoders, tokens

KEY = "naics.encoder.encoder"
TEXTS = [
    "",
    "Soybean farming",
    "Repairs industrial sewing machines and, on request, sells used ones; no household models. " * 4,
    "x",
    "Soybean farming",
    "Dental laboratories",
    "Operates a fleet of tank trucks for milk",
]


@pytest.fixture(scope="module")
def minilm():
    return encoders.load("minilm")


@pytest.fixture(scope="module")
def ids(minilm):
    return tokens.tokenize(minilm[0], TEXTS, 48)


# Vectors


def test_vectors_are_those_of_sentence_transformers(minilm, ids):
    reference = SentenceTransformer(encoders.locate("minilm"), device="cpu")
    reference.max_seq_length = 48
    pooled = [reference[0], reference[1]]  # without its last module, which scales to length 1
    expected = SentenceTransformer(modules=pooled, device="cpu").encode(TEXTS)
    assert len(set(ids.lengths)) > 4
    np.testing.assert_allclose(encoders.encode(minilm[1], ids), expected, atol=1e-5)


@pytest.mark.parametrize("max_tokens", [1, 50])
def test_the_size_of_a_batch_changes_nothing(minilm, ids, max_tokens):
    np.testing.assert_allclose(encoders.encode(minilm[1], ids, max_tokens), encoders.encode(minilm[1], ids), atol=1e-5)


@pytest.mark.parametrize("cut", [0, 2, 3])
def test_layers_run_one_after_the_other_are_mpnets_own_forward(cut):
    """MPNet adds a position bias in every layer and counts positions from its padding token."""
    torch.manual_seed(1)
    config = MPNetConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=8,
        initializer_range=0.5,
    )  # fmt: skip
    model = MPNetModel(config).eval()
    rows = torch.randint(3, 50, (4, 9))
    lower = encoders.lower_states(model, rows, cut)
    with torch.no_grad():
        states = encoders.run_layers(model, model.encoder.layer[cut:], lower)
        torch.testing.assert_close(states, model(rows).last_hidden_state)


def test_a_loaded_model_is_frozen(minilm):
    assert not minilm[1].training
    assert not any(weight.requires_grad for weight in minilm[1].parameters())


# Batches


@given(st.lists(st.integers(1, 6), max_size=40), st.integers(1, 20))
def test_batches_hold_every_row_once_and_one_length_each(lengths, max_tokens):
    lengths = np.array(lengths, dtype=np.int64)
    batches = list(encoders.length_batches(lengths, max_tokens))
    assert sorted(np.concatenate([[], *batches])) == list(range(len(lengths)))
    for rows in batches:
        assert len(set(lengths[rows])) == 1
        assert len(rows) == 1 or lengths[rows].sum() <= max_tokens
    for rows, following in itertools.pairwise(batches):  # none is smaller than it must be
        if lengths[rows[0]] == lengths[following[0]]:
            assert lengths[rows].sum() + lengths[rows[0]] > max_tokens


# Finding a model


@pytest.mark.parametrize("name", ["mini-lm", "./gone/away", "/gone/away", "a/b/c"])
def test_row_25_neither_folder_nor_hub_id(name):
    said = f"naics.encoder.encoder: {name!r} is no folder and no hub id, expected minilm, a folder or owner/model"
    assert refused(encoders.load, name, KEY) == said


def test_row_25_no_network(monkeypatch, capfd):
    def asked(*_, **__):
        raise OSError("Name or service not known")

    monkeypatch.setattr("huggingface_hub.HfApi.model_info", asked)
    name = "owner/a-model-that-nobody-has"
    said = refused(encoders.load, name, KEY)
    assert said.startswith(f"naics.encoder.encoder: model {name!r} is not on disk and cannot be fetched (")
    assert capfd.readouterr().err == "", "no lines of retries before ours"


def test_row_25_a_package_that_is_not_installed(monkeypatch):
    monkeypatch.setitem(encoders.PACKAGED, "minilm", ("gt_no_such_wheel", "model"))
    said = refused(encoders.load, "minilm", KEY)
    assert said == "naics.encoder.encoder: minilm is in package gt_no_such_wheel, which is not installed"


@pytest.mark.parametrize("damage", ["nothing in it", "config.json", "model.safetensors"])
def test_row_25_a_folder_that_is_no_model(tmp_path, damage):
    folder = tmp_path / "model"
    if damage == "nothing in it":
        folder.mkdir()
    else:
        file = write_encoder(folder) / damage
        file.write_bytes(file.read_bytes()[:100])
    said = refused(encoders.load, str(folder), KEY)
    assert said.startswith(f"naics.encoder.encoder: model {str(folder)!r} is no folder that transformers can load (")
