"""A frozen sentence encoder with a number head: the reader for machines without a language model.

What it reads of a pair is symmetric in A and B: lexical facts, what the nearest known pairs did, and the leading
directions of |a - b| and a * b of the titles' vectors. A few small heads over these, which differ in their first
weights and dropout alone, give logits of the 201 number tokens; their chances are averaged (a deep ensemble,
Lakshminarayanan et al. 2017).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from .. import seeds
from . import explanation, numbers
from .evidence import Evidence
from .reader import Reader
from .titles import pair_vectors, title_vectors

NEAREST = 5
SOFTENING = 0.05  # of distances, so that a neighbour at no distance has a finite weight
FARTHEST = 3.0  # standard deviations; what lies beyond says no more
SMALL = 1e-6
NOWHERE = 1.0  # distance of neighbours that are not there: the width of the space of unit vectors


@dataclass(frozen=True)
class Head:
    """The number head: `heads` of one hidden layer, over facts, neighbours and `directions` of the titles' vectors."""

    heads: int = 8
    hidden: int = 64
    directions: int = 24
    dropout: float = 0.1


class EncoderReader(Reader):
    """Number logits from standardised features; everything but the heads is fixed by the training pairs."""

    center: Tensor
    scale: Tensor
    mean_vector: Tensor
    axes: Tensor

    def __init__(self, name: str, shape: Head, features: int, width: int) -> None:
        super().__init__()
        self.name, self.shape, self.numbers = name, shape, numbers.single()
        scores = len(self.numbers.values)
        self.register_buffer("center", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))
        self.register_buffer("mean_vector", torch.zeros(width))
        self.register_buffer("axes", torch.zeros(width, shape.directions))
        self.into = nn.Parameter(torch.zeros(shape.heads, features, shape.hidden))
        self.into_bias = nn.Parameter(torch.zeros(shape.heads, 1, shape.hidden))
        self.out = nn.Parameter(torch.zeros(shape.heads, shape.hidden, scores))
        self.out_bias = nn.Parameter(torch.zeros(shape.heads, 1, scores))

    def inputs(self, evidence: Evidence) -> Tensor:
        """Standardised features of pairs, `(n, f)` float32."""
        features = self._features(_plain(evidence), _vectors(self.name, evidence))
        return ((features - self.center.cpu()) / self.scale.cpu()).clamp(-FARTHEST, FARTHEST)

    def targets(self, correlations: NDArray[np.floating], reasonings: Sequence[str]) -> list[list[int]]:
        """The number tokens alone: reasoning is composed, not taught."""
        assert len(correlations) == len(reasonings)
        return self.numbers.ids(self.numbers.score(correlations))

    def teach(self, inputs: Sequence[Tensor], targets: Sequence[list[int]], scores: Tensor) -> tuple[Tensor, Tensor]:
        """(mean cross-entropy of the number tokens, expected correlations `(heads, b)`), both with gradient."""
        device, heads = self.out.device, len(self.out)
        logits = self(torch.stack(list(inputs)).to(device)).flatten(0, 1)  # (heads * b, s)
        wanted = torch.tensor(targets, device=device).flatten().repeat(heads)
        known = self.numbers.to(device)
        expected = known.taught(logits[:, None], known.classes(scores.to(device)).repeat(heads, 1))
        return F.cross_entropy(logits, wanted), expected.view(heads, -1)

    @torch.no_grad()
    def read(self, inputs: Tensor) -> NDArray[np.float64]:
        """Chance of every score, the mean over the heads, `(n, f)` to `(n, s)`."""
        return self(inputs.to(self.out.device)).softmax(dim=-1).mean(dim=0).double().cpu().numpy()

    def explain(self, evidence: Evidence, row: int, _: float, max_new_tokens: int) -> str:
        """Composed of facts and of what the nearest known pairs did, in at most so many words."""
        words = explanation.compose(evidence, row)
        return " ".join(words.split()[:max_new_tokens])

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits of every head, `(n, f)` to `(heads, n, s)`."""
        shown = F.dropout(inputs.expand(len(self.into), -1, -1), self.shape.dropout, self.training)
        hidden = F.gelu(torch.baddbmm(self.into_bias, shown, self.into))
        return torch.baddbmm(self.out_bias, F.dropout(hidden, self.shape.dropout, self.training), self.out)

    @classmethod
    def begun(cls, name: str, shape: Head, evidence: Evidence, seed: int) -> "EncoderReader":
        """With the standardisation and directions of the training pairs, and first weights that the seed decides."""
        plain, vectors = _plain(evidence), _vectors(name, evidence)
        reader = cls(name, shape, plain.shape[1] + shape.directions, vectors.shape[1])
        reader.mean_vector.copy_(vectors.mean(dim=0))
        _, _, directions = torch.linalg.svd(vectors - reader.mean_vector, full_matrices=False)
        reader.axes[:, : len(directions)] = directions[: shape.directions].T
        whole = reader._features(plain, vectors)
        spread = whole.std(dim=0)
        reader.center.copy_(whole.mean(dim=0))
        reader.scale.copy_(torch.where(spread > SMALL, spread, 1.0))
        seeds.seed_torch(seed, "initial weights")
        nn.init.normal_(reader.into, std=whole.shape[1] ** -0.5)
        nn.init.normal_(reader.out, std=0.1 * shape.hidden**-0.5)
        return reader.eval()

    def _features(self, plain: Tensor, vectors: Tensor) -> Tensor:
        """What is plain to read and the leading directions of the vectors, `(n, f)`, not standardised."""
        return torch.cat([plain, (vectors - self.mean_vector.cpu()) @ self.axes.cpu()], dim=1)


def _vectors(name: str, evidence: Evidence) -> Tensor:
    """|a - b| and a * b of the titles' unit vectors, `(n, 2 d)`."""
    titles = title_vectors(name)
    return torch.from_numpy(pair_vectors(titles(evidence.a_titles), titles(evidence.b_titles)))


def _plain(evidence: Evidence) -> Tensor:
    """Facts, and the neighbours' correlations and distances summed up, `(n, facts + 6)`."""
    told = [[*facts.values()] for facts in evidence.facts]
    known = [_summary(neighbours) for neighbours in evidence.neighbours]
    return torch.from_numpy(np.concatenate([told, known], axis=1).astype(np.float32))


def _summary(neighbours: Sequence[Mapping[str, Any]]) -> list[float]:
    """Of the neighbours' correlations the mean, weighted mean, mean of the nearest, spread; and two distances."""
    if not neighbours:
        return [0.0, 0.0, 0.0, 0.0, NOWHERE, NOWHERE]
    r, distance = (np.array([pair[key] for pair in neighbours]) for key in ("correlation", "distance"))
    weight = 1 / (distance + SOFTENING)
    return [r.mean(), r @ weight / weight.sum(), r[:NEAREST].mean(), r.std(), distance[0], distance.mean()]
