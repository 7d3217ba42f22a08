"""From channel vectors to a point: fusion, direction, radius. It needs no encoder, and loads without one."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import checkpoint, files
from .fusion import LinearFusion, MixtureOfExperts, context
from .geometry import Euclidean, Lorentz, Space
from .taxonomy import CHANNELS


@dataclass(frozen=True)
class Shape:
    """What decides the architecture; stored in every checkpoint."""

    encoder: str
    shared_encoder: bool
    cut: int
    r: int
    lora_alpha: int
    lora_dropout: float
    fusion: str  # moe | linear
    experts: int
    top_k: int
    expert_hidden: int
    geometry: str  # lorentz | euclidean
    dim: int
    max_radius: float
    curvature: float
    learn_curvature: bool
    temperature: float
    target_modules: tuple[str, ...] | None = None  # None: every linear layer above the cut


class Head(nn.Module):
    """Fusion, direction, radius, point. The radius is bounded by a sigmoid and learnt for each input."""

    def __init__(self, shape: Shape, d_in: int) -> None:
        super().__init__()
        channels = len(CHANNELS)
        self.max_radius = shape.max_radius
        self.empty = nn.Parameter(torch.zeros(channels, d_in))
        if shape.fusion == "moe":
            sizes = (shape.experts, shape.top_k, shape.expert_hidden)
            self.fusion: nn.Module = MixtureOfExperts(channels, d_in, shape.dim, *sizes)
        else:
            self.fusion = LinearFusion(channels, d_in, shape.dim)
        first, last = nn.Linear(channels * d_in + channels, 64), nn.Linear(64, 1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)  # half of max_radius
        self.radius = nn.Sequential(first, nn.GELU(), last)
        self.geometry: Space = (
            Lorentz(shape.curvature, shape.learn_curvature) if shape.geometry == "lorentz" else Euclidean()
        )
        self.log_temperature = nn.Parameter(torch.tensor(math.log(shape.temperature)))

    def forward(self, vectors: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Unit channel vectors `(n, C, d)` and presence `(n, C)` to points and the balance loss."""
        features = torch.where(present.unsqueeze(-1) > 0, vectors, self.empty).flatten(1)  # (n, C * d)
        fused, balance = self.fusion(features, present)
        radius = self.max_radius * torch.sigmoid(self.radius(context(features, present)))  # (n, 1)
        return self.geometry.points(radius * F.normalize(fused, dim=1)), balance

    def logits(self, distances: Tensor) -> Tensor:
        """Distances of any shape to logits: with a minus, over the learnt temperature, which stays in [0.01, 1]."""
        return -distances / self.log_temperature.exp().clamp(0.01, 1.0)


def read(path: Path) -> tuple[dict[str, Tensor], Shape, dict[str, Any]]:
    """(tensors, shape, metadata) of a checkpoint; BadInput when it is of another kind or version."""
    tensors, about = checkpoint.load(path, "naics", ["shape"])
    return tensors, files.as_dataclass(Shape, about["shape"], f"{path}: shape"), about


def load(path: Path) -> tuple[Head, Shape, dict[str, Any]]:
    """The head of a checkpoint in eval mode, with the shape of the whole model and the metadata."""
    tensors, shape, about = read(path)
    own = {name.removeprefix("head."): tensor for name, tensor in tensors.items() if name.startswith("head.")}
    _, d_in = checkpoint.shape_of(own, "empty", (len(CHANNELS), -1), f"{path}: head")
    head = Head(shape, d_in)
    checkpoint.restore(head, own, f"{path}: head")
    return head.eval().requires_grad_(False), shape, about
