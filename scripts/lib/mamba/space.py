"""Where queries and documents meet: what is trained is what is searched.

vectors   the chunks' own vectors; an index of them serves as it is
towers    documents are the vectors plus a low-rank map of them, and a bias; starts as `vectors`
head      the original's projection, d -> hidden -> projection, shared by both sides
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import BadInput

SPACES = ("vectors", "towers", "head")
BIAS = 0.05  # of a document, for weights of about 1: inner products of chunks differ by so much


class Vectors(nn.Module):
    """The space of the vectors themselves."""

    def query(self, predicted: Tensor) -> Tensor:
        return predicted

    def documents(self, vectors: Tensor) -> Tensor:
        return vectors


class LowRank(nn.Module):
    """x U V, zero before training."""

    def __init__(self, d: int, rank: int, dropout: float) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(d, rank, bias=False), nn.Linear(rank, d, bias=False)
        self.dropout = nn.Dropout(dropout)
        nn.init.zeros_(self.up.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.up(self.down(self.dropout(x)))


class Towers(Vectors):
    """`(..., d)` to `(..., d + 1)`; the last number is a document's bias, times 1 of every query.

    The bias lets chunks that are near to everything (hubs) fall behind.
    """

    def __init__(self, d: int, rank: int, dropout: float) -> None:
        super().__init__()
        self.found = LowRank(d, rank, dropout)
        last = nn.Linear(rank, 1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.bias = nn.Sequential(nn.Linear(d, rank), nn.GELU(), nn.Dropout(dropout), last)

    def query(self, predicted: Tensor) -> Tensor:
        return F.pad(predicted, (0, 1), value=1.0)

    def documents(self, vectors: Tensor) -> Tensor:
        bias = BIAS * self.bias(vectors * vectors.shape[-1] ** 0.5)
        return torch.cat([F.normalize(vectors + self.found(vectors), dim=-1), bias], dim=-1)


class Head(Vectors):
    """`(..., d)` to unit vectors `(..., projection)`; targets pass it without gradient, against collapse."""

    def __init__(self, d: int, hidden: int, projection: int) -> None:
        super().__init__()
        self.project = nn.Sequential(
            nn.Linear(d, hidden), nn.GELU(), nn.LayerNorm(hidden), nn.Linear(hidden, projection)
        )

    def query(self, predicted: Tensor) -> Tensor:
        return F.normalize(self.project(predicted), dim=-1)

    def documents(self, vectors: Tensor) -> Tensor:
        with torch.no_grad():
            return self.query(vectors)


def build(search: str, d: int, rank: int, dropout: float, hidden: int, projection: int) -> Vectors:
    """The space that `search` names, untrained; BadInput when it is none of SPACES."""
    if search == "vectors":
        return Vectors()
    if search == "towers":
        return Towers(d, rank, dropout)
    if search == "head":
        return Head(d, hidden, projection)
    raise BadInput(f"mamba.model.search: {search!r}, expected one of {', '.join(SPACES)}")
