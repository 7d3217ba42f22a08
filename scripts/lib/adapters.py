"""LoRA adapters inside frozen layers: put in, found again, and merged into plain weights.

W' = W + weight * (lora_alpha / r) * B A, with B zero at the start (Hu et al. 2021, 2106.09685).
A `weight` below 1 is a point on the line between the base and what was trained, which gives back
what a model forgot (Wortsman et al. 2022, 2109.01903).
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn

from .errors import BadInput

ADAPTER = "default"  # the name under which peft keeps the only adapter


@dataclass(frozen=True)
class Lora:
    """Adapter knobs, with peft's names. `cut` is the number of lower layers that stay frozen."""

    cut: int
    r: int
    lora_alpha: int
    lora_dropout: float
    target_modules: tuple[str, ...] | None = None  # None: every linear layer


def adapt(layers: nn.Module, lora: Lora, key: str) -> nn.Module:
    """`layers` with adapters inside, in place; they alone may learn. `key` is the config key an error names."""
    linear = [name for name, module in layers.named_modules() if isinstance(module, nn.Linear)]
    wanted = lora.target_modules or tuple(sorted({name.rsplit(".", 1)[-1] for name in linear}))
    for target in wanted:
        if not any(name.endswith(f".{target}") for name in linear):
            known = ", ".join(sorted({name.rsplit(".", 1)[-1] for name in linear}))
            raise BadInput(f"{key}: no layer {target!r} in the encoder, expected of: {known}")
    config = LoraConfig(
        r=lora.r, lora_alpha=lora.lora_alpha, lora_dropout=lora.lora_dropout, target_modules=list(wanted)
    )
    adapted: Any = inject_adapter_in_model(config, layers)
    for name, weight in adapted.named_parameters():
        weight.requires_grad_("lora_" in name)
    return adapted


def lora_layers(module: nn.Module) -> dict[str, Any]:
    """The adapted layers by name."""
    return {name: layer for name, layer in module.named_modules() if isinstance(layer, LoraLayer)}


def set_weight(module: nn.Module, weight: float) -> None:
    """How much of what was learnt the forward pass applies: 0 is the base, 1 the trained model."""
    for layer in lora_layers(module).values():
        layer.set_scale(ADAPTER, weight)


@contextlib.contextmanager
def weighted(module: nn.Module, weight: float) -> Iterator[None]:
    """`set_weight` for the length of a block."""
    before = {layer: layer.scaling[ADAPTER] for layer in lora_layers(module).values()}
    set_weight(module, weight)
    try:
        yield
    finally:
        for layer, scaling in before.items():
            layer.scaling[ADAPTER] = scaling


@torch.no_grad()
def merged(module: nn.Module) -> dict[str, Tensor]:
    """The state of the module as if it had never had adapters, what they learnt added to its weights."""
    state = {name.replace(".base_layer.", "."): tensor for name, tensor in module.state_dict().items()}
    for name, layer in lora_layers(module).items():
        key = f"{name}.weight"
        state[key] = state[key] + layer.get_delta_weight(ADAPTER).to(state[key].dtype)
    return {name: tensor for name, tensor in state.items() if ".lora_" not in name}
