"""lib.naics.channels: four encoders for the memory of one, whose adapters are really there, in training and after."""

import copy

import numpy as np
import pytest
import torch
from refusals import refused
from transformers import MPNetConfig, MPNetModel

from lib.adapters import Lora
from lib.checkpoint import restore, trainable
from lib.naics import model as naics_model
from lib.naics.bank import upper
from lib.naics.channels import ChannelEncoders
from lib.naics.taxonomy import CHANNELS

LORA = Lora(cut=1, r=4, lora_alpha=8, lora_dropout=0.0)
HIDDEN = torch.randn(3, 7, 32, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def four(world):
    torch.manual_seed(1)
    return ChannelEncoders(world.base, LORA, shared=False)


def outputs(encoders) -> torch.Tensor:
    """`(C, b, d)` of the same states through each channel."""
    return torch.stack([encoders(HIDDEN, channel) for channel in range(len(CHANNELS))])


def move(stack) -> None:
    """Adapters begin with B = 0, which changes nothing; this is a training's effect."""
    with torch.no_grad():
        for weight in trainable(stack).values():
            weight += 0.1 * torch.randn_like(weight)


# One base, four adapters


def test_the_stacks_weights_are_the_bases_own_memory(world, four):
    base = {weight.data_ptr() for weight in world.base.encoder.layer[1:].parameters()}
    assert len(four.stacks) == 4
    for stack in four.stacks:
        assert {w.data_ptr() for name, w in stack.named_parameters() if "lora_" not in name} == base
    adapters = [weight.data_ptr() for weight in trainable(four).values()]
    assert len(set(adapters)) == len(adapters) == 4 * 2 * 6 * 2, "stacks, layers, linear maps, A and B"


def test_only_adapters_learn(four):
    assert all("lora_" in name for name in trainable(four))
    move(four)
    outputs(four).square().sum().backward()
    for name, weight in four.named_parameters():
        assert ("lora_" in name) == (weight.grad is not None and bool(weight.grad.any())), name


def test_an_adapter_changes_its_own_channel_and_no_other(four):
    before = outputs(four)
    move(four.stacks[2])
    changed = (outputs(four) - before).abs().amax(dim=(1, 2))
    assert changed[2] > 1e-2
    assert changed[[0, 1, 3]].max() == 0


def test_at_the_start_every_channel_is_the_base(world, four):
    with torch.no_grad():
        states = HIDDEN
        for layer in world.base.encoder.layer[1:]:
            states = layer(states, None)
        torch.testing.assert_close(outputs(four), states.mean(1).expand(4, -1, -1))


def test_an_adapter_is_a_low_rank_change_of_the_weights(world, four):
    """W x + alpha / r B A x, against a copy of the base with W + alpha / r B A in place."""
    move(four.stacks[1])
    merged = copy.deepcopy(world.base)
    tensors = dict(four.stacks[1].named_parameters())
    for name, module in merged.encoder.layer[1:].named_modules():
        if isinstance(module, torch.nn.Linear):
            a, b = (tensors[f"{name}.lora_{letter}.default.weight"] for letter in "AB")
            module.weight.data += LORA.lora_alpha / LORA.r * b.data @ a.data
    with torch.no_grad():
        states = HIDDEN
        for layer in merged.encoder.layer[1:]:
            states = layer(states, None)
        torch.testing.assert_close(four(HIDDEN, 1), states.mean(1), rtol=1e-4, atol=1e-5)


def test_shared_is_one_encoder_for_all_channels(world):
    one = ChannelEncoders(world.base, LORA, shared=True)
    assert len(one.stacks) == 1
    move(one)
    found = outputs(one)
    assert torch.equal(found, found[:1].expand(4, -1, -1))


# Target modules


def test_only_the_named_modules_are_adapted(world):
    lora = Lora(1, 4, 8, 0.0, ("query", "attention.output.dense"))
    names = {name.split(".lora_")[0] for name in trainable(ChannelEncoders(world.base, lora, shared=True))}
    assert names == {f"stacks.0.{n}.attention.{part}" for n in (0, 1) for part in ("self.query", "output.dense")}


@pytest.fixture(scope="module")
def mpnet():
    torch.manual_seed(1)
    config = MPNetConfig(
        vocab_size=40, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=16
    )
    return MPNetModel(config).eval().requires_grad_(False)


def test_the_seeds_modules_do_not_exist_in_mpnet(mpnet):
    """['query', 'value'], the original's setting: its model never ran."""
    lora = Lora(0, 4, 8, 0.0, ("query", "value"))
    said = "naics.model.target_modules: no layer 'query' in the encoder, expected of: dense, k, o, q, v"
    assert refused(ChannelEncoders, mpnet, lora, shared=False) == said


@pytest.mark.parametrize("targets", [None, ("q", "v")])
def test_mpnet_with_its_own_names_learns(mpnet, targets):
    encoders = ChannelEncoders(mpnet, Lora(0, 4, 8, 0.0, targets), shared=False)
    before = outputs(encoders)
    move(encoders)
    after = outputs(encoders)
    assert (after - before).abs().amax(dim=(1, 2)).min() > 1e-4
    after.square().sum().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in trainable(encoders).values())


@pytest.mark.parametrize("cut", [3, 4])
def test_a_cut_that_leaves_nothing(world, cut):
    said = f"naics.encoder.cut: {cut} leaves no layer to adapt, the encoder has 3"
    assert refused(ChannelEncoders, world.base, Lora(cut, 4, 8, 0.0), shared=False) == said


# What is saved is what was trained


def vectors(texts, encoders) -> np.ndarray:
    """The first thirty texts of each channel, `(C, 30, d)`; fewer where a channel has fewer."""
    with torch.no_grad():
        rows = [np.arange(min(30, len(texts.channels[channel].tokens))) for channel in range(len(CHANNELS))]
        return torch.cat([texts.encode(encoders, channel, row) for channel, row in enumerate(rows)]).numpy()


def test_a_loaded_model_is_the_saved_one_and_not_the_base(world, tmp_path):
    trained, texts = world.model(), world.bank()
    naics_model.save(tmp_path / "stage1.ckpt", trained, {"stage": "stage1"})
    _, base, loaded = naics_model.load(tmp_path / "stage1.ckpt")
    np.testing.assert_array_equal(vectors(texts, loaded.encoders), vectors(texts, trained.encoders))
    raw = vectors(texts, upper(base, loaded.shape.cut))
    assert np.abs(vectors(texts, loaded.encoders) - raw).max(axis=1).min() > 1e-2
    for (name, weight), (other, saved) in zip(loaded.named_parameters(), trained.named_parameters()):
        assert name == other
        assert torch.equal(weight, saved), name


def test_merged_adapters_give_the_same_vectors_and_leave_the_model_alone(world):
    model, texts = world.model(), world.bank()
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    np.testing.assert_allclose(vectors(texts, model.encode), vectors(texts, model.encoders), atol=1e-5)
    for name, weight in model.named_parameters():
        assert torch.equal(weight, before[name]), name


@pytest.mark.parametrize("damage", ["missing", "misshapen"])
def test_weights_that_do_not_fit(four, damage):
    tensors = {name: weight.detach().clone() for name, weight in trainable(four).items()}
    name = "stacks.3.1.output.dense.lora_B.default.weight"
    found = tensors.pop(name)
    if damage == "misshapen":
        tensors[name] = found[:, :2]
    is_now = "nothing" if damage == "missing" else "(32, 2)"
    assert refused(restore, four, tensors, "stage1.ckpt") == f"stage1.ckpt: {name} is {is_now}, expected (32, 4)"
