"""Four channel encoders with independent LoRA over one shared frozen base.

The base's lower layers run once per text, ever; only the layers above the cut carry adapters and
are run again in training.
"""

import copy
from typing import cast

import torch
from torch import Tensor, nn

from .. import encoders
from ..adapters import Lora, adapt
from ..encoders import Encoder
from ..errors import BadInput
from .taxonomy import CHANNELS


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
            adapt(copy.deepcopy(upper, dict(shared_weights)), lora, "naics.model.target_modules")
            for _ in range(1 if shared else len(CHANNELS))
        )
        self._base = [base]  # in a list so that it is not a submodule: its weights are in the stacks already

    def forward(self, hidden: Tensor, channel: int) -> Tensor:
        """States at the cut, `(b, l, d)` unpadded, to pooled vectors `(b, d)` of one channel."""
        stack = cast(nn.ModuleList, self.stacks[channel % len(self.stacks)])
        return encoders.mean_pool(encoders.run_layers(self._base[0], stack, hidden))


def trainable(module: nn.Module) -> dict[str, Tensor]:
    """Named parameters that training may change."""
    return {name: weight for name, weight in module.named_parameters() if weight.requires_grad}


@torch.no_grad()
def load_trainable(module: nn.Module, tensors: dict[str, Tensor], where: str) -> None:
    """Copy stored values into the trainable parameters; BadInput names what is missing or misshapen."""
    for name, weight in trainable(module).items():
        if name not in tensors or tensors[name].shape != weight.shape:
            found = tuple(tensors[name].shape) if name in tensors else "nothing"
            raise BadInput(f"{where}: {name} is {found}, expected {tuple(weight.shape)}")
        weight.copy_(tensors[name])
