"""lib.tickets.saving: what is saved is what was trained, and what is not is found out."""

import json

import numpy as np
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

from lib import adapters, encoders
from lib.errors import BadInput, BrokenModel
from lib.tickets import model, saving

TEXTS = ["the vpn tunnel drops", "paper gets stuck on the third floor", "no", "a badge is refused at the gate"]


def in_memory(tokenizer, encoder, dim: int) -> np.ndarray:
    rows = model.tokenize(tokenizer, TEXTS, encoder.shape)
    return model.unit(model.encode(encoder.base, rows, encoder.head), dim)


@pytest.mark.parametrize("dim", [32, 16, 8])
def test_a_user_loads_what_was_trained(world, dim):
    """At every width, alone and in a padded batch, and not the base."""
    tokenizer, encoder = world.moved()
    loaded = SentenceTransformer(str(world.saved), truncate_dim=dim, device="cpu")
    expected = in_memory(tokenizer, encoder, dim)
    assert loaded.encode(TEXTS, normalize_embeddings=True) == pytest.approx(expected, abs=1e-5)
    alone = [loaded.encode(text, normalize_embeddings=True) for text in TEXTS]
    assert np.stack(alone) == pytest.approx(expected, abs=1e-5)
    assert abs(expected - in_memory(*world.fresh(), dim)).max() > 0.01
    saving.verify(world.saved, encoder, tokenizer, TEXTS)


def test_without_a_head_the_modules_are_the_bases(world, tmp_path):
    tokenizer, encoder = world.moved()
    encoder.head = None
    saving.save(tmp_path, encoder, {"weight": 1.0})
    saving.verify(tmp_path, encoder, tokenizer, TEXTS)
    kinds = [type(module).__name__ for module in SentenceTransformer(str(tmp_path), device="cpu")]
    assert kinds == ["Transformer", "Pooling", "Normalize"]
    assert saving.head(tmp_path) is None
    saved, own = saving.head(world.saved), world.fresh()[1].head
    assert torch.equal(saved.weight, own.weight)
    assert torch.equal(saved.bias, own.bias)
    assert saved.lower == own.lower


def test_full_vectors_have_length_one(world):
    vectors = SentenceTransformer(str(world.saved), device="cpu").encode(TEXTS)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-5)


def test_our_own_reader_gives_the_same(world):
    encode, about = saving.load(world.saved), saving.about(world.saved)
    assert encode(TEXTS) == pytest.approx(in_memory(*world.moved(), 32), abs=1e-5)
    assert about["shape"] == world.shape()
    assert about["dims"] == [32, 16, 8]


def test_a_model_at_half_weight_is_saved_at_half_weight(world, tmp_path):
    tokenizer, encoder = world.moved()
    adapters.set_weight(encoder, 0.5)
    saving.save(tmp_path, encoder, {"weight": 0.5})
    saving.verify(tmp_path, encoder, tokenizer, TEXTS)
    adapters.set_weight(encoder, 1.0)
    with pytest.raises(BrokenModel, match=r"reloaded vectors are off by .* from those in memory$"):
        saving.verify(tmp_path, encoder, tokenizer, TEXTS)


def test_the_same_model_is_saved_as_the_same_bytes(world, tmp_path):
    for name in ("a", "b"):
        saving.save(tmp_path / name, world.moved()[1], {"weight": 1.0})
    first, second = (
        {
            file.relative_to(tmp_path / name): file.read_bytes()
            for file in (tmp_path / name).rglob("*")
            if file.is_file()
        }
        for name in ("a", "b")
    )
    assert first == second
    assert not any(
        str(tmp_path).encode() in content or world.encoder.encode() in content
        for path, content in first.items()
        if path.name != saving.ABOUT
    )


def test_adapters_that_learnt_nothing_are_an_error(world, tmp_path):
    tokenizer, encoder = world.fresh()
    saving.save(tmp_path, encoder, {})
    with pytest.raises(
        BrokenModel, match=r"at 32 dims: cosines differ from the base's by .*: the adapters have no effect$"
    ):
        saving.verify(tmp_path, encoder, tokenizer, TEXTS)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
def test_legacy_adapters_of_the_wrong_level_are_found_out(world, tmp_path):
    """The original's fault: peft around the whole SentenceTransformer, loaded again around its transformer.

    No name matches, peft starts adapters anew that change nothing, and the base is measured.
    """
    base = SentenceTransformer(world.encoder, device="cpu")
    raw = base.encode(TEXTS, normalize_embeddings=True)
    config = LoraConfig(r=4, lora_alpha=8, target_modules=["query", "key", "value"])
    whole = SentenceTransformer(world.encoder, device="cpu")
    for name, level in (("around", whole), ("inside", whole[0].auto_model)):
        wrapped = get_peft_model(level, config)
        for parameter, weight in wrapped.named_parameters():
            if "lora_B" in parameter:
                torch.nn.init.ones_(weight)
        wrapped.save_pretrained(tmp_path / name)
        wrapped.unload()

    def reloaded(folder) -> np.ndarray:
        whole = SentenceTransformer(world.encoder, device="cpu")
        whole[0].auto_model = PeftModel.from_pretrained(whole[0].auto_model, folder)
        return whole.encode(TEXTS, normalize_embeddings=True)

    saving.require_change(raw, reloaded(tmp_path / "inside"), "inside")
    with pytest.raises(
        BrokenModel, match=r"^around: cosines differ from the base's by .*: the adapters have no effect$"
    ):
        saving.require_change(raw, reloaded(tmp_path / "around"), "around")


def test_a_base_that_pools_in_another_way(world, tmp_path):
    transformer = Transformer(world.encoder)
    SentenceTransformer(modules=[transformer, Pooling(32, "cls")], device="cpu").save(str(tmp_path / "cls"))
    _, encoder = world.fresh(encoder=str(tmp_path / "cls"))
    with pytest.raises(BadInput, match=r"makes vectors by Pooling cls, expected mean pooling$"):
        saving.save(tmp_path / "out", encoder, {})


def test_training_json_says_what_it_is(world):
    about = json.loads((world.saved / saving.ABOUT).read_text())
    assert about["weight"] == 1.0
    assert about["shape"]["r"] == 4
    assert encoders.locate(about["shape"]["encoder"]) == world.encoder
