"""Four channel encoders with independent LoRA over one shared frozen base.

The base's lower layers run once per text, ever; only the layers above the cut carry adapters
(Hu et al. 2021, 2106.09685) and are run again in training.
"""

import copy
from dataclasses import dataclass
from typing import cast

from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn

from .. import encoders
from ..encoders import Encoder
from ..errors import BadInput
from .bank import Encode
from .taxonomy import CHANNELS


@dataclass(frozen=True)
class Lora:
    """Adapter knobs, with peft's names. `cut` is the number of lower layers that stay frozen."""

    cut: int
    r: int
    lora_alpha: int
    lora_dropout: float
    target_modules: tuple[str, ...] | None = None  # None: every linear layer


class ChannelEncoders(nn.Module):
    """One stack of adapted upper layers a channel, or one for all when `shared`."""

    def __init__(self, base: Encoder, lora: Lora, shared: bool) -> None:
        super().__init__()
        upper = base.encoder.layer[lora.cut :]
        if not len(upper):
            layers = len(base.encoder.layer)
            raise BadInput(f"naics.encoder.cut: {lora.cut} leaves no layer to adapt, the encoder has {layers}")
        shared_weights = {id(weight): weight for weight in base.parameters()}
        self.stacks = nn.ModuleList(
            _adapt(copy.deepcopy(upper, dict(shared_weights)), lora) for _ in range(1 if shared else len(CHANNELS))
        )
        self._base = [base]  # in a list so that it is not a submodule: its weights are in the stacks already

    def forward(self, hidden: Tensor, channel: int) -> Tensor:
        """States at the cut, `(b, l, d)` unpadded, to pooled vectors `(b, d)` of one channel."""
        return self._run(self.stacks[channel % len(self.stacks)], hidden)

    def merged(self) -> Encode:
        """The same function with every adapter added into a copy of its weights: a fifth less time, no gradient."""
        stacks = [_merge(copy.deepcopy(stack)) for stack in self.stacks]  # one by one: they share the base's weights
        return lambda hidden, channel: self._run(stacks[channel % len(stacks)], hidden)

    def _run(self, stack: nn.Module, hidden: Tensor) -> Tensor:
        return encoders.mean_pool(encoders.run_layers(self._base[0], cast(nn.ModuleList, stack), hidden))


def _merge(stack: nn.Module) -> nn.Module:
    for module in stack.modules():
        if isinstance(module, LoraLayer):
            module.merge()
    return stack.requires_grad_(False)


def _adapt(layers: nn.Module, lora: Lora) -> nn.Module:
    linear = [name for name, module in layers.named_modules() if isinstance(module, nn.Linear)]
    wanted = lora.target_modules or tuple(sorted({name.rsplit(".", 1)[-1] for name in linear}))
    for target in wanted:
        if not any(name.endswith(f".{target}") for name in linear):
            known = ", ".join(sorted({name.rsplit(".", 1)[-1] for name in linear}))
            raise BadInput(f"naics.model.target_modules: no layer {target!r} in the encoder, expected of: {known}")
    config = LoraConfig(
        r=lora.r, lora_alpha=lora.lora_alpha, lora_dropout=lora.lora_dropout, target_modules=list(wanted)
    )
    adapted = inject_adapter_in_model(config, layers)
    for name, weight in adapted.named_parameters():
        weight.requires_grad_("lora_" in name)
    return adapted
