"""The sequence models that are trained under one regimen and compared.

s          Mamba-2 layers only
h          after every fourth of them a layer of local attention
sandwich   local attention in the first and last quarter, Mamba-2 between
amn        no recurrence: the attention-mixture network
"""

from torch import Tensor, nn

from ..errors import BadInput
from .attention import AttentionMixture, LocalAttention
from .mixer import Mixer, Sizes

VARIANTS = ("s", "h", "sandwich", "amn")
EVERY = 4


class Layer(nn.Module):
    """x + dropout(mix(norm(x)))."""

    def __init__(self, d_model: int, mix: nn.Module, dropout: float) -> None:
        super().__init__()
        self.norm, self.mix, self.dropout = nn.RMSNorm(d_model, eps=1e-5), mix, nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.dropout(self.mix(self.norm(x)))


def build(variant: str, n_layers: int, sizes: Sizes, dropout: float) -> nn.Module:
    """A causal map of sequences, `(b, l, d_model)` to the same."""
    if sizes.d_model % sizes.headdim:
        raise BadInput(f"mamba.model.headdim: {sizes.headdim} does not divide d_model {sizes.d_model}")
    if variant == "amn":
        return AttentionMixture(sizes.d_model, sizes.d_inner, dropout)
    mixers = {"m": lambda: Mixer(sizes), "a": lambda: LocalAttention(sizes.d_model, sizes.headdim)}
    layers = [Layer(sizes.d_model, mixers[kind](), dropout) for kind in plan(variant, n_layers)]
    return nn.Sequential(*layers)


def plan(variant: str, n_layers: int) -> str:
    """The layers in order, m for Mamba-2 and a for local attention."""
    if variant == "s":
        return "m" * n_layers
    if variant == "h":
        if n_layers < EVERY:
            raise BadInput(f"mamba.model.n_layers: {n_layers} have no attention after the fourth, expected at least 4")
        return "".join("ma" if number % EVERY == 0 else "m" for number in range(1, n_layers + 1))
    if variant == "sandwich":
        quarter = max(1, n_layers // 4)
        if n_layers < 3:
            raise BadInput(f"mamba.model.n_layers: {n_layers} are no sandwich, expected at least 3")
        return "a" * quarter + "m" * (n_layers - 2 * quarter) + "a" * quarter
    raise BadInput(f"mamba.model.variant: {variant!r}, expected one of {', '.join(VARIANTS)}")
