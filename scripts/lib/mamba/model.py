"""The next passage's vector from those before it, and the search vector that retrieves the passage.

    chunks --skip + zero-initialised body--> next vector --space--> query
                                                  what was read --> penalties beside it

Before training it is a recency mean: the best predictor that needs no training.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import checkpoint, files, seeds
from . import body, space
from .attention import running_mean
from .memory import Memory
from .mixer import Sizes

LAGS = 5  # chunks that the skip weighs one by one
DECAY, MEAN = 0.3, 0.5  # the skip's numbers before training
REACH = 0.1  # length of what the body adds, for weights of about 1: it refines the skip in small steps


@dataclass(frozen=True)
class Shape:
    """What decides the model; stored in its checkpoint."""

    variant: str  # s | h | sandwich | amn
    n_layers: int
    d_model: int
    d_state: int
    d_conv: int
    expand: int
    headdim: int
    chunk_size: int
    dropout: float
    context: int  # earlier chunks it sees, 0 the whole article
    search: str  # vectors | towers | head
    rank: int  # of the towers
    tower_dropout: float
    hidden: int  # of the head
    projection: int  # width of the head's vectors
    buckets: int  # of the memory, 0 for none
    temperature: float
    skip: bool = False


class Recency(nn.Module):
    """A learnt sum of the last chunks and of the mean of all so far, `(b, l, d)` to the same."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Parameter(DECAY ** torch.arange(LAGS).float())
        self.mean = nn.Parameter(torch.tensor(MEAN))

    def forward(self, x: Tensor) -> Tensor:
        length = x.shape[1]
        last = sum(weight * F.pad(x, (0, 0, lag, 0))[:, :length] for lag, weight in enumerate(self.weights))
        return F.normalize(last, dim=-1) + self.mean * F.normalize(running_mean(x), dim=-1)


class NextVector(nn.Module):
    """A Predictor (see predictor.py) that is trained."""

    def __init__(self, shape: Shape, d: int) -> None:
        super().__init__()
        self.shape, self.d, self.context = shape, d, shape.context
        same = shape.d_model == d
        sizes = Sizes(shape.d_model, shape.d_state, shape.d_conv, shape.expand, shape.headdim, shape.chunk_size)
        self.dropout = nn.Dropout(shape.dropout)
        self.inlet = nn.Identity() if same else nn.Linear(d, shape.d_model, bias=False)
        self.body = body.build(shape.variant, shape.n_layers, sizes, shape.dropout)
        self.norm = nn.RMSNorm(shape.d_model, eps=1e-5)
        self.outlet = nn.Linear(shape.d_model, d, bias=False)
        self.skip: Recency | None = Recency() if shape.skip else None
        if self.skip:
            nn.init.zeros_(self.outlet.weight)
        self.space = space.build(shape.search, d, shape.rank, shape.tower_dropout, shape.hidden, shape.projection)
        self.memory: Memory | None = Memory(d, shape.buckets) if shape.buckets else None
        self.log_scale = nn.Parameter(torch.tensor(1 / shape.temperature).log())

    @property
    def indexed(self) -> int | None:
        """Before the memory's numbers, which never lead to a candidate, only away from one."""
        return None if self.memory is None else -self.memory.buckets

    def predict(self, x: Tensor) -> Tensor:
        """The next unit vector after every position, `(b, l, d)` to the same."""
        found = self.outlet(self.norm(self.body(self.inlet(self.dropout(x) * self.d**0.5)))) / self.d**0.5
        return F.normalize(REACH * found + self.skip(x) if self.skip else found, dim=-1)

    def queries(self, contexts: Tensor) -> Tensor:
        seen = contexts[:, -self.context :]
        query = self.space.query(self.predict(seen)[:, -1])
        return query if self.memory is None else torch.cat([query, self.memory.read(seen)], dim=-1)

    def documents(self, vectors: Tensor) -> Tensor:
        documents = self.space.documents(vectors)
        return documents if self.memory is None else torch.cat([documents, self.memory.documents(vectors)], dim=-1)

    def next_vectors(self, contexts: Tensor) -> Tensor:
        return self.predict(contexts[:, -self.context :])[:, -1]


def start(shape: Shape, d: int, seed: int) -> NextVector:
    """New weights, a function of the seed."""
    seeds.seed_torch(seed, "initial weights")
    return NextVector(shape, d)


def save(path: Path, model: NextVector, about: dict[str, Any]) -> None:
    """Weights, the memory's directions, and the shape to rebuild the model."""
    checkpoint.save(path, model.state_dict(), {**about, "kind": "mamba", "shape": asdict(model.shape), "d": model.d})


def load(path: Path) -> NextVector:
    """The model of a checkpoint, in eval mode; BadInput when it is damaged or of another kind or version."""
    tensors, about = checkpoint.load(path, "mamba", ["shape", "d"])
    model = NextVector(files.as_dataclass(Shape, about["shape"], f"{path}: shape"), about["d"])
    checkpoint.restore(model, tensors, str(path))
    return model.eval().requires_grad_(False)
