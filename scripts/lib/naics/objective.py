"""What a step minimises, and the batch it is computed on.

    loss = query      a description's own code among all six-digit codes          (beyond the seed)
         + triplet    InfoNCE of anchor and positive against hardness-sampled negatives  (the seed)
         + listwise   every anchor's ranking of all codes follows the tree         (beyond the seed)
         + tree       1 - Pearson correlation of distance with tree distance       (beyond the seed)
         + balance    even use of the experts                                            (the seed)

All codes take part in every step, because the head is cheap; only the texts drawn in the step run
through the adapters, the others keep the vectors they had when they were last drawn, or when the
stage began.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from .. import seeds
from ..compute import Compute
from .bank import TextBank
from .dataset import Dataset
from .features import CodeFeatures, Live, query_features
from .model import NaicsModel
from .relations import tree_distance
from .texts import QUERY_CHANNEL
from .triplets import TripletSource

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Weights:
    """Share of each term; the temperatures soften tree and learnt distances, `smoothing` the query's target."""

    query: float
    triplet: float
    listwise: float
    tree: float
    balance: float
    tree_temperature: float
    listwise_temperature: float
    smoothing: float


@dataclass(frozen=True)
class Sizes:
    """How much of everything a step sees."""

    batch_size: int
    live_codes: int
    listwise_anchors: int
    query_dropout: float
    code_dropout: float
    channel_dropout: float


class Objective(nn.Module):
    """`backward(step)` for the training loop: a function of the weights, the remembered vectors and (seed, step)."""

    def __init__(
        self,
        model: NaicsModel,
        bank: TextBank,
        features: CodeFeatures,
        data: Dataset,
        triplets: TripletSource,
        weights: Weights,
        sizes: Sizes,
        machine: Compute,
        seed: int,
    ) -> None:
        super().__init__()
        self.model, self.bank, self.features, self.triplets = model, bank, features, triplets
        self.weights, self.sizes, self.machine, self.seed = weights, sizes, machine, seed
        asked, self.query_codes = data.role("examples", "training", trained_only=True)
        self.query_rows = data.query_rows(asked)
        taxonomy = data.taxonomy
        self.codes = np.flatnonzero(~taxonomy.held_out)  # held-out families take no part at all
        self.place = np.full(len(taxonomy), -1)
        self.place[self.codes] = np.arange(len(self.codes))
        self.leaves = np.flatnonzero(taxonomy.level[self.codes] == 6)
        tree = tree_distance(taxonomy)[np.ix_(self.codes, self.codes)]
        self.device = bank.base.device
        self.tree = torch.from_numpy(tree.astype(np.float64)).to(self.device)

    def backward(self, step: int) -> dict[str, float]:
        """Add the step's gradient to the parameters and return every term, `loss` first."""
        asked = seeds.shuffled_epochs(len(self.query_rows), self.sizes.batch_size, self.seed, "queries", step)
        with self.machine.autocast():
            queries, codes, balance = self._points(step, asked)
        terms = {
            "query": self._query_loss(queries, codes, self.place[self.query_codes[asked]]),
            "triplet": self._triplet_loss(codes, step),
            **self._tree_losses(codes, step),
            "balance": balance,
        }
        loss = sum(getattr(self.weights, name) * term for name, term in terms.items())
        loss.backward()
        return {"loss": loss.item(), **{name: term.item() for name, term in terms.items()}}

    def _points(self, step: int, asked: Rows) -> tuple[Tensor, Tensor, Tensor]:
        """Points of the asked descriptions and of all trained codes, through one pass of the head."""
        rows = self.query_rows[asked]
        distinct, back = np.unique(rows, return_inverse=True)
        vectors = self._encode(QUERY_CHANNEL, distinct)[torch.from_numpy(back)]
        features, present = query_features(F.dropout(vectors, self.sizes.query_dropout, self.model.training))
        code_features, code_present = self.features.gather(self.codes, self._live(step), without=distinct)
        code_features = F.dropout(code_features, self.sizes.code_dropout, self.model.training)
        code_present = drop_channels(code_present, self.sizes.channel_dropout)
        points, balance = self.model.head(torch.cat([features, code_features]), torch.cat([present, code_present]))
        return points[: len(rows)], points[len(rows) :], balance

    def _live(self, step: int) -> Live:
        """Fresh vectors of the texts of this step's live codes, but for the examples: queries train those."""
        rng = seeds.generator(self.seed, "live codes", step)
        codes = rng.choice(self.codes, min(self.sizes.live_codes, len(self.codes)), replace=False)
        wanted = {channel: self.features.texts_of(channel, codes) for channel in range(QUERY_CHANNEL)}
        return {channel: (rows, self._encode(channel, rows)) for channel, rows in wanted.items() if len(rows)}

    def _encode(self, channel: int, rows: Rows) -> Tensor:
        """Unit vectors with gradient to the channel's adapters, remembered; without adapters those of the start."""
        if self.model.encoders is None:
            return self.features.vectors(channel)[torch.from_numpy(rows)].to(self.device)
        vectors = self.bank.encode(self.model.encoders, channel, rows)
        self.features.remember(channel, rows, vectors)
        return vectors

    def _query_loss(self, queries: Tensor, codes: Tensor, truth: Rows) -> Tensor:
        """Cross-entropy among all six-digit codes, a share of the target spread over near ones in the tree."""
        logits = self.model.head.logits(self.model.head.geometry.pairwise(queries, codes[self.leaves]))
        own = F.cross_entropy(logits, torch.from_numpy(np.searchsorted(self.leaves, truth)).to(self.device))
        near = (-self.tree[truth][:, self.leaves] / self.weights.tree_temperature).softmax(dim=1)
        share = self.weights.smoothing
        return (1 - share) * own + share * F.cross_entropy(logits, near)

    def _triplet_loss(self, codes: Tensor, step: int) -> Tensor:
        """InfoNCE over the negatives drawn for each (anchor, positive), at the head's temperature."""
        drawn = self.triplets.batch(step)
        anchors = codes[self.place[drawn.anchors]].unsqueeze(1)  # (b, 1, d)
        others = np.concatenate([drawn.positives[:, None], drawn.negatives], axis=1)
        distances = self.model.head.geometry.rowwise(anchors, codes[self.place[others]])  # (b, 1 + k)
        first = torch.zeros(len(distances), dtype=torch.long, device=self.device)
        return F.cross_entropy(self.model.head.logits(distances), first)

    def _tree_losses(self, codes: Tensor, step: int) -> dict[str, Tensor]:
        """The listwise and correlation terms, from some anchors to all other codes."""
        rng = seeds.generator(self.seed, "listwise anchors", step)
        anchors = rng.choice(len(codes), min(self.sizes.listwise_anchors, len(codes)), replace=False)
        others = torch.ones(len(anchors), len(codes), dtype=torch.bool, device=self.device)
        others[torch.arange(len(anchors)), torch.from_numpy(anchors)] = False
        shape = (len(anchors), len(codes) - 1)
        distances = self.model.head.geometry.pairwise(codes[anchors], codes)[others].view(shape)
        tree = self.tree[anchors][others].view(shape)
        target = (-tree / self.weights.tree_temperature).softmax(dim=1)
        learnt = (-distances / self.weights.listwise_temperature).log_softmax(dim=1)
        listwise = F.kl_div(learnt, target, reduction="batchmean")
        return {"listwise": listwise, "tree": 1 - pearson(distances, tree)}


def pearson(x: Tensor, y: Tensor) -> Tensor:
    """Correlation of all entries of two tensors of one shape."""
    x, y = x - x.mean(), y - y.mean()
    return (x * y).sum() / (x.norm() * y.norm())


def drop_channels(present: Tensor, share: float) -> Tensor:
    """Hide channels of codes at random, `(n, C)`, but never all that a code has."""
    kept = present * (torch.rand_like(present) >= share)
    return torch.where(kept.sum(dim=1, keepdim=True) > 0, kept, present)
