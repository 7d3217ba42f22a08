"""Attention beside the scan: over a short window in two of the variants, over the whole context in AMN."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WINDOW = 8


class LocalAttention(nn.Module):
    """Every position attends to itself and the `window` - 1 before it, `(b, l, d)` to `(b, l, d)`.

    A learnt bias for each head and distance says where in the window a chunk stands.
    """

    def __init__(self, d_model: int, headdim: int, window: int = WINDOW) -> None:
        super().__init__()
        self.headdim, self.window = headdim, window
        self.qkv = nn.Linear(d_model, 3 * d_model, bias=False)
        self.out = nn.Linear(d_model, d_model, bias=False)
        self.bias = nn.Parameter(torch.zeros(d_model // headdim, window))

    def forward(self, x: Tensor) -> Tensor:
        heads = self.qkv(x).unflatten(-1, (3, -1, self.headdim)).permute(2, 0, 3, 1, 4)
        query, key, value = heads.unbind()  # (b, heads, l, headdim) each
        place = torch.arange(x.shape[1], device=x.device)
        lag = place.unsqueeze(1) - place  # (l, l), how far before t lies s
        bias = self.bias[:, lag.clamp(0, self.window - 1)]  # (heads, l, l)
        bias = bias.masked_fill((lag < 0) | (lag >= self.window), -torch.inf)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        return self.out(mixed.transpose(1, 2).flatten(-2))


class AttentionMixture(nn.Module):
    """The attention-mixture network: the latest chunk weighs all so far; a small network refines mixture and mean.

    `(b, l, d)` to `(b, l, d)`: the running mean, plus what is learnt.
    """

    def __init__(self, d_model: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.query = nn.Linear(d_model, d_model, bias=False)
        self.key = nn.Linear(d_model, d_model, bias=False)
        self.refine = nn.Sequential(
            nn.LayerNorm(2 * d_model),
            nn.Linear(2 * d_model, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, d_model),
        )

    def forward(self, x: Tensor) -> Tensor:
        mean = running_mean(x)
        mixture = F.scaled_dot_product_attention(self.query(x), self.key(x), x, is_causal=True)
        return mean + self.refine(torch.cat([mixture, mean], dim=-1))


def running_mean(x: Tensor) -> Tensor:
    """Mean of positions 0 to t at every t, `(b, l, d)`."""
    count = torch.arange(1, x.shape[1] + 1, device=x.device, dtype=x.dtype)
    return x.cumsum(dim=1) / count.unsqueeze(-1)
