"""lib.tickets.legacy: adapters of either level act as peft itself applies them."""

import pytest
import safetensors.torch
import torch
from in_process import run
from peft import LoraConfig, get_peft_model
from sentence_transformers import SentenceTransformer

from lib.errors import BadInput, BrokenModel
from lib.tickets import legacy, model

TEXTS = ["the vpn tunnel drops", "paper gets stuck on the third floor", "no"]
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")


def saved(world, folder, level: str, moved: bool = True):
    """(folder of adapters, vectors that they give while they are applied)."""
    whole = SentenceTransformer(world.encoder, device="cpu")
    config = LoraConfig(r=4, lora_alpha=8, target_modules=["query", "key", "value"])
    torch.manual_seed(1)
    wrapped = get_peft_model(whole if level == "around" else whole[0].auto_model, config)
    for name, weight in wrapped.named_parameters():
        if "lora_B" in name and moved:
            torch.nn.init.normal_(weight, std=0.3)
    wrapped.save_pretrained(folder)
    return folder, whole.encode(TEXTS, normalize_embeddings=True)


@pytest.mark.parametrize("level", ["around", "inside"])
def test_adapters_of_either_level_are_put_where_they_act(world, tmp_path, level):
    folder, expected = saved(world, tmp_path / "adapters", level)
    tokenizer, encoder = legacy.load(folder, world.encoder, 96, (32, 16))
    found = model.encode(encoder.base, model.tokenize(tokenizer, TEXTS, encoder.shape))
    assert found == pytest.approx(expected, abs=1e-5)
    arguments = ["--adapters", folder, "--encoder", world.encoder, "--max-length", 96, "--out", tmp_path / "model"]
    run("convert_ticket_adapters.py", *arguments)
    loaded = SentenceTransformer(str(tmp_path / "model"), device="cpu")
    assert loaded.encode(TEXTS, normalize_embeddings=True) == pytest.approx(expected, abs=1e-5)


def test_adapters_that_change_nothing_become_no_model(world, tmp_path):
    folder, _ = saved(world, tmp_path / "adapters", "inside", moved=False)
    with pytest.raises(BrokenModel, match="the adapters have no effect"):
        run("convert_ticket_adapters.py", "--adapters", folder, "--encoder", world.encoder, "--out", tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda stored, name: stored.pop(name), r"is missing for"),
        (lambda stored, name: stored.update({name: stored[name][:2].clone()}), r"is \(2, 32\), expected \(4, 32\)$"),
        (
            lambda stored, name: stored.update({name.replace("layer.0", "layer.7"): stored[name].clone()}),
            r"has no place in",
        ),
        (
            lambda stored, _: stored.update({"classifier.weight": torch.zeros(2)}),
            r"classifier.weight: expected LoRA weights",
        ),
    ],
)
def test_adapters_that_do_not_fit(world, tmp_path, change, said):
    folder, _ = saved(world, tmp_path, "inside")
    stored = safetensors.torch.load_file(folder / legacy.WEIGHTS)
    change(stored, next(name for name in stored if "lora_A" in name))
    safetensors.torch.save_file(stored, folder / legacy.WEIGHTS)
    with pytest.raises(BadInput, match=said):
        legacy.load(folder, world.encoder, 96, (32,))


def test_no_adapters_at_all(world, tmp_path):
    with pytest.raises(BadInput, match=r"adapter_config\.json: No such file or directory$"):
        legacy.load(tmp_path, world.encoder, 96, (32,))
