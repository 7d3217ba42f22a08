"""Four channel encoders with independent LoRA over one shared frozen base.

The base's lower layers run once per text, ever; only the layers above the cut carry adapters and
are run again in training.
"""

import copy
from typing import cast

from torch import Tensor, nn

from .. import encoders
from ..adapters import Lora, adapt, merged
from ..encoders import Encoder
from ..errors import BadInput
from .bank import Encode
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
        return self._run(self.stacks[channel % len(self.stacks)], hidden)

    def merged(self) -> Encode:
        """The same function without adapters, what they learnt added to weights of its own: a fifth less time."""
        stacks = [self._merge(stack) for stack in self.stacks]
        return lambda hidden, channel: self._run(stacks[channel % len(stacks)], hidden)

    def _merge(self, stack: nn.Module) -> nn.Module:
        plain = copy.deepcopy(self._base[0].encoder.layer[-len(cast(nn.ModuleList, stack)) :])
        plain.load_state_dict(merged(stack))
        return plain

    def _run(self, stack: nn.Module, hidden: Tensor) -> Tensor:
        return encoders.mean_pool(encoders.run_layers(self._base[0], cast(nn.ModuleList, stack), hidden))
