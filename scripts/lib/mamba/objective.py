"""The loss of a step: the next chunk among its rivals, and the cosine to its vector.

    loss = contrastive * InfoNCE(query, documents)  +  autoregressive * (1 - cos(predicted, next))

InfoNCE runs where the search will run, without what a search does not find: the context's own chunks, and
with a memory whatever was read. With a micro-batch the sequence model runs twice over the batch, but the loss
keeps all its negatives: accumulating gradients over four micro-batches of 256 would have 255 of the 1,023.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .. import gradcache
from ..compute import Compute
from ..gradcache import Rows
from .batches import Batch, Batches
from .model import NextVector
from .windows import CONTEXT

SCALE = 100.0  # largest factor of the inner products: 1 / temperature


@dataclass(frozen=True)
class Weights:
    """Shares of the two terms."""

    contrastive: float
    autoregressive: float


class Objective:
    """`backward(step)` for the training loop: a function of the weights and (seed, step)."""

    def __init__(self, model: NextVector, batches: Batches, weights: Weights, machine: Compute) -> None:
        self.model, self.batches, self.weights, self.machine = model, batches, weights, machine
        whole = np.array(batches.payload.vectors, dtype=np.float32)
        self.vectors = torch.from_numpy(whole).to(machine.device)  # (n, d)

    def backward(self, step: int) -> dict[str, float]:
        """Add the step's gradient to the parameters and return every term, `loss` first."""
        batch = self.batches.batch(step)
        x = self.batches.noisy(batch, self.vectors, step)
        terms: dict[str, float] = {}

        def encode(rows: Rows) -> Tensor:
            with self.machine.autocast():
                return self.model.predict(x[torch.from_numpy(rows).to(x.device)]).float()

        def loss_of(predicted: Tensor) -> Tensor:
            asked = predicted[torch.from_numpy(batch.sequence), torch.from_numpy(batch.place)]  # (q, d)
            contrastive, cosine = self._contrastive(asked, batch), self._cosine(asked, batch)
            terms.update(contrastive=contrastive.item(), cosine=cosine.item())
            return self.weights.contrastive * contrastive + self.weights.autoregressive * (1 - cosine)

        micro = self.batches.sampling.micro_batch
        parts = np.array_split(np.arange(len(x)), -(-len(x) // micro) if micro else 1)
        way = gradcache.backward if micro else gradcache.plain
        loss = way(encode, parts, loss_of)
        return {"loss": loss.item(), **terms}

    def _contrastive(self, asked: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy of each target among the candidates of the step."""
        candidates = self.batches.candidates(batch)
        vectors = self.vectors[torch.from_numpy(candidates).to(asked.device)]
        scores = self.model.space.query(asked) @ self.model.space.documents(vectors).T
        scores = scores * self.model.log_scale.exp().clamp(max=SCALE)
        before = batch.targets[:, None] - candidates
        hidden = torch.from_numpy((before > 0) & (before <= self._known(batch)[:, None])).to(scores.device)
        truth = torch.from_numpy(np.searchsorted(candidates, batch.targets)).to(scores.device)
        return F.cross_entropy(scores.masked_fill(hidden, -torch.inf), truth)

    def _known(self, batch: Batch) -> Rows:
        """How many chunks before each target are no candidates `(q,)`: the context, or all that the memory has read."""
        if self.model.memory is None:
            return np.full(len(batch.targets), CONTEXT)
        return np.maximum(batch.place + 1, CONTEXT)

    def _cosine(self, asked: Tensor, batch: Batch) -> Tensor:
        return F.cosine_similarity(asked, self.vectors[torch.from_numpy(batch.targets).to(asked.device)]).mean()
