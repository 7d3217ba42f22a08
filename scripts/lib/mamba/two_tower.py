"""The trained baseline without a sequence model: low-rank maps for each place in the context and for documents.

It starts as the recency mean (the maps are zero-initialised) and learns by cross-entropy over all chunks of
all training articles, the context masked out.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from .. import checkpoint, seeds
from .payload import Payload
from .ranking import EXCLUDED, Bench
from .windows import CONTEXT


@dataclass(frozen=True)
class Tower:
    """The low-rank two-tower baseline: its rank, and how it is trained."""

    rank: int = 32
    temperature: float = 0.05
    batch_size: int = 512


class TwoTower(nn.Module):
    """query = sum_i (w_i + U_i V_i) x_i over the context, document = (1 + U V) x, both of length 1."""

    context = CONTEXT
    indexed: int | None = None

    def __init__(self, dim: int, weights: Tensor, rank: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(weights.clone())
        self.down = nn.Parameter(torch.randn(CONTEXT, dim, rank) / dim**0.5)
        self.up = nn.Parameter(torch.zeros(CONTEXT, rank, dim))
        self.document_down = nn.Parameter(torch.randn(dim, rank) / dim**0.5)
        self.document_up = nn.Parameter(torch.zeros(rank, dim))

    def queries(self, contexts: Tensor) -> Tensor:
        seen = contexts[:, -CONTEXT:]
        weights, down, up = (part[-seen.shape[1] :] for part in (self.weights, self.down, self.up))
        moved = torch.einsum("bld,ldr,lre->be", seen, down, up)
        return normalize(torch.einsum("l,bld->bd", weights, seen) + moved, dim=1)

    next_vectors = queries

    def documents(self, vectors: Tensor) -> Tensor:
        return normalize(vectors + vectors @ self.document_down @ self.document_up, dim=1)


class Objective:
    """`backward(step)` for the training loop: a function of the weights and (seed, step)."""

    def __init__(self, model: TwoTower, payload: Payload, how: Tower, seed: int) -> None:
        pool = np.flatnonzero(payload.splits == "train")
        targets = pool[payload.positions[pool] >= CONTEXT]
        self.model, self.how, self.seed = model, how, seed
        self.bench = Bench(payload, targets, pool)
        self.vectors = self.bench.vectors(pool)  # (p, d)

    def backward(self, step: int) -> dict[str, float]:
        """Add the step's gradient to the parameters and return its loss."""
        rows = seeds.shuffled_epochs(len(self.bench.targets), self.how.batch_size, self.seed, "two tower", step)
        asked = Bench(self.bench.payload, self.bench.targets[rows], self.bench.pool)
        truth = torch.from_numpy(asked.truth)
        contexts = self.vectors[truth[:, None] - torch.arange(CONTEXT, 0, -1)]
        scores = self.model.queries(contexts) @ self.model.documents(self.vectors).T / self.how.temperature
        hidden = torch.from_numpy(asked.hidden(EXCLUDED, slice(None)))
        loss = cross_entropy(scores.masked_fill(hidden, -torch.inf), truth)
        loss.backward()
        return {"loss": loss.item()}


def start(payload: Payload, weights: Tensor, how: Tower, seed: int) -> TwoTower:
    """The untrained towers: the recency mean, against the vectors as they are."""
    seeds.seed_torch(seed, "two tower")
    return TwoTower(payload.vectors.shape[1], weights, how.rank)


def from_tensors(tensors: checkpoint.Tensors, where: str) -> TwoTower:
    """The trained towers from their stored weights; BadInput names what is missing or misshapen."""
    _, dim, rank = checkpoint.shape_of(tensors, "down", (CONTEXT, -1, -1), where)
    model = TwoTower(dim, torch.ones(CONTEXT), rank).to(tensors["down"].device)
    checkpoint.restore(model, tensors, where)
    return model.eval().requires_grad_(requires_grad=False)
