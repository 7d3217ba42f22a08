"""Four channel vectors become one: a mixture of experts, or a linear map, around the mean.

Both start as the mean over the channels that are present (the experts' last layer is zero), so
training begins at the frozen encoder's own score instead of at noise.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# A unit vector's entries are near 1 / sqrt(d): scaled up, gate, experts and radius learn at the pace
# of the rest. Chosen on validation among 1, 2, 6 and sqrt(d).
CONTEXT_SCALE = 6.0


def context(features: Tensor, present: Tensor) -> Tensor:
    """What gate, experts and radius read: the channels and which of them are there, `(n, C * d + C)`."""
    return torch.cat([CONTEXT_SCALE * features, present], dim=1)


class LinearFusion(nn.Module):
    """out = W [x_1; ..; x_C] / (number of channels present), W starting as C copies of one projection."""

    def __init__(self, channels: int, d_in: int, d_out: int) -> None:
        super().__init__()
        projection = torch.eye(d_in) if d_in == d_out else nn.init.orthogonal_(torch.empty(d_out, d_in))
        self.weight = nn.Parameter(projection.repeat(1, channels))  # (d_out, channels * d_in)
        self.bias = nn.Parameter(torch.zeros(d_out))

    def forward(self, features: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """`(n, channels * d_in)` and `(n, channels)` to `(n, d_out)`; no balance to keep, so 0."""
        count = present.sum(dim=1, keepdim=True).clamp(min=1)
        return F.linear(features, self.weight) / count + self.bias, features.new_zeros(())


class MixtureOfExperts(nn.Module):
    """The linear fusion plus what the top-k of E experts add (Shazeer et al. 2017, 1701.06538).

    The gate and the experts also see which channels are present, because a business description
    (one channel) and a code (up to four) should be treated differently.
    """

    def __init__(self, channels: int, d_in: int, d_out: int, experts: int, top_k: int, hidden: int) -> None:
        super().__init__()
        width = channels * d_in + channels
        self.top_k = top_k
        self.linear = LinearFusion(channels, d_in, d_out)
        self.gate = nn.Linear(width, experts, bias=False)
        self.up = nn.Parameter(torch.randn(experts, width, hidden) * (2 / width) ** 0.5)
        self.up_bias = nn.Parameter(torch.zeros(experts, hidden))
        self.down = nn.Parameter(torch.zeros(experts, hidden, d_out))
        nn.init.normal_(self.gate.weight, std=0.02)

    def forward(self, features: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """`(n, channels * d_in)` and `(n, channels)` to `(n, d_out)` and the load-balancing loss."""
        fused, _ = self.linear(features, present)
        seen = context(features, present)
        logits = self.gate(seen).float()  # routing is decided in full precision
        top, chosen = logits.topk(self.top_k, dim=1)
        weights = torch.zeros_like(logits).scatter(1, chosen, top.softmax(dim=1))  # (n, E)
        for expert in range(len(self.up)):
            rows = weights[:, expert].nonzero()[:, 0]
            hidden = F.gelu(seen[rows] @ self.up[expert] + self.up_bias[expert])
            added = weights[rows, expert, None] * (hidden @ self.down[expert])
            fused = fused.index_add(0, rows, added)
        return fused, balance_loss(logits, weights)


def balance_loss(logits: Tensor, weights: Tensor) -> Tensor:
    """E * sum_e importance_e * load_e over the rows given, 1 when perfectly even (Fedus et al. 2021, eq. 4).

    importance is the mean gate probability and carries the gradient, load the share of
    assignments. Computed over the whole batch at once: the mean of micro-batch losses is another,
    larger number.
    """
    importance = logits.softmax(dim=1).mean(dim=0)
    assigned = (weights > 0).float().sum(dim=0)
    return logits.shape[1] * (importance * assigned).sum() / assigned.sum()
