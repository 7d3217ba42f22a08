"""The Mamba-2 block (Dao and Gu 2024, section 7), with the weights' names and shapes of other implementations.

in_proj    d_model -> z, (x, B, C), dt     gate, what is scanned, steps
conv1d     over x, B and C, then SiLU
A_log, D, dt_bias, one of each for a head
norm       RMS of y * silu(z)
out_proj   d_inner -> d_model
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import kernels, ssd

STEPS = (1e-3, 1e-1)  # range of dt at the start


@dataclass(frozen=True)
class Sizes:
    """Widths of a block; `expand` d_model is the inner width, `headdim` of it a head."""

    d_model: int
    d_state: int
    d_conv: int
    expand: int
    headdim: int
    chunk_size: int

    @property
    def d_inner(self) -> int:
        return self.expand * self.d_model

    @property
    def heads(self) -> int:
        return self.d_inner // self.headdim


class GatedNorm(nn.Module):
    """y * silu(z), scaled to a root mean square of 1."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, y: Tensor, z: Tensor) -> Tensor:
        return F.rms_norm(y * F.silu(z), self.weight.shape, self.weight, 1e-5)


class Mixer(nn.Module):
    """What is said above, over sequences `(b, l, d_model)`; position t sees positions 0 to t."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes, inner, heads = sizes, sizes.d_inner, sizes.heads
        scanned = inner + 2 * sizes.d_state
        self.in_proj = nn.Linear(sizes.d_model, inner + scanned + heads, bias=False)
        self.conv1d = nn.Conv1d(scanned, scanned, sizes.d_conv, groups=scanned)
        low, high = map(math.log, STEPS)
        dt = torch.exp(torch.rand(heads) * (high - low) + low)
        self.dt_bias = nn.Parameter(dt + torch.log(-torch.expm1(-dt)))  # softplus of it is dt
        self.A_log = nn.Parameter(torch.arange(1, heads + 1).float().log())
        self.D = nn.Parameter(torch.ones(heads))
        self.norm = GatedNorm(inner)
        self.out_proj = nn.Linear(inner, sizes.d_model, bias=False)

    def forward(self, u: Tensor) -> Tensor:
        sizes, inner = self.sizes, self.sizes.d_inner
        z, scanned, dt = self.in_proj(u).split((inner, inner + 2 * sizes.d_state, sizes.heads), dim=-1)
        assert self.conv1d.bias is not None
        scanned = F.silu(ssd.convolve(scanned, self.conv1d.weight, self.conv1d.bias))
        x, B, C = scanned.split((inner, sizes.d_state, sizes.d_state), dim=-1)
        x = x.unflatten(-1, (sizes.heads, sizes.headdim))
        scan = kernels.scan if u.is_cuda else ssd.scan
        y = scan(x, F.softplus(dt + self.dt_bias), -self.A_log.exp(), B, C, sizes.chunk_size)
        y = y + x * self.D.unsqueeze(-1)
        return self.out_proj(self.norm(y.flatten(-2), z))
