"""lib.adapters: what is merged is what was applied, for BERT's and MPNet's names of layers."""

import copy

import pytest
import torch
from torch import nn
from transformers import BertConfig, BertModel, MPNetConfig, MPNetModel

from lib import adapters, encoders
from lib.errors import BadInput

SIZES = {"vocab_size": 30, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
KINDS = {"bert": (BertConfig, BertModel, "query"), "mpnet": (MPNetConfig, MPNetModel, "q")}
IDS = torch.arange(24).reshape(4, 6)


@pytest.fixture(params=KINDS)
def pair(request):
    """(base, the same with adapters that have moved, name of the query layer)."""
    config, model, query = KINDS[request.param]
    torch.manual_seed(1)
    base = model(config(**SIZES, initializer_range=0.3)).eval().requires_grad_(False)
    adapted = copy.deepcopy(base)
    adapters.adapt(adapted.encoder.layer, adapters.Lora(0, 4, 8, 0.0), "model.target_modules")
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            if "lora_" in name:
                weight += 0.1 * torch.randn_like(weight)
    return base, adapted.eval(), query


def states(model: nn.Module) -> torch.Tensor:
    return encoders.lower_states(model, IDS, len(model.encoder.layer))


def test_a_merged_state_is_a_plain_one_and_gives_the_same_output(pair):
    base, adapted, _ = pair
    plain = copy.deepcopy(base)
    plain.load_state_dict(adapters.merged(adapted), strict=True)
    torch.testing.assert_close(states(plain), states(adapted), rtol=1e-4, atol=1e-4)
    assert (states(plain) - states(base)).abs().max() > 0.01


@pytest.mark.parametrize("weight", [0.0, 0.4, 1.0])
def test_a_weight_is_a_point_between_base_and_trained(pair, weight):
    base, adapted, _ = pair
    trained = adapters.merged(adapted)
    adapters.set_weight(adapted, weight)
    between = {name: (1 - weight) * tensor + weight * trained[name] for name, tensor in base.state_dict().items()}
    found = adapters.merged(adapted)
    assert found.keys() == between.keys()
    for name, tensor in between.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-5, atol=1e-6)


def test_a_weight_for_the_length_of_a_block(pair):
    base, adapted, _ = pair
    adapters.set_weight(adapted, 0.4)
    settled = states(adapted)
    with adapters.weighted(adapted, 0.0):
        assert torch.equal(states(adapted), states(base))
    assert torch.equal(states(adapted), settled)
    assert not torch.equal(settled, states(base))


def test_every_linear_layer_is_adapted_unless_some_are_named(pair):
    base, adapted, query = pair
    linear = [module for module in base.encoder.layer.modules() if isinstance(module, nn.Linear)]
    assert len(adapters.lora_layers(adapted)) == len(linear) == 12
    few = copy.deepcopy(base)
    adapters.adapt(few.encoder.layer, adapters.Lora(0, 4, 8, 0.0, (query,)), "model.target_modules")
    assert len(adapters.lora_layers(few)) == 2
    assert all("lora_" in name for name, weight in few.named_parameters() if weight.requires_grad)


def test_a_layer_that_is_not_there(pair):
    base, _, query = pair
    with pytest.raises(
        BadInput, match=rf"^model.target_modules: no layer 'wq' in the encoder, expected of: .*\b{query}\b"
    ):
        adapters.adapt(base.encoder.layer, adapters.Lora(0, 4, 8, 0.0, ("wq",)), "model.target_modules")
