"""The NAICS model: four channel vectors of a code, or one of a description, become a point."""

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import checkpoint, encoders, seeds
from ..adapters import Lora
from ..encoders import Encoder
from ..errors import BadInput
from .channels import ChannelEncoders, load_trainable, trainable
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
        return -distances / self.log_temperature.exp().clamp(0.01, 1.0)


class NaicsModel(nn.Module):
    """Channel encoders and head over a frozen base; with LoRA rank 0 the head alone."""

    def __init__(self, shape: Shape, base: Encoder) -> None:
        super().__init__()
        lora = Lora(shape.cut, shape.r, shape.lora_alpha, shape.lora_dropout, shape.target_modules)
        self.shape = shape
        self.encoders = ChannelEncoders(base, lora, shape.shared_encoder) if shape.r else None
        self.head = Head(shape, base.config.hidden_size)


def start(shape: Shape, previous: Path | None, seed: int) -> tuple[Any, Encoder, NaicsModel]:
    """(tokenizer, frozen base, model): new weights, a function of the seed, or those of a checkpoint of this shape."""
    if previous:
        tokenizer, base, model, _ = load(previous)
        if model.shape != shape:
            differing = [name for name, value in asdict(shape).items() if asdict(model.shape)[name] != value]
            raise BadInput(f"{previous}: has another {differing[0]} than this stage, expected one model throughout")
        return tokenizer, base, model
    tokenizer, base = encoders.load(shape.encoder, "naics.encoder.encoder")
    seeds.seed_torch(seed, "initial weights")
    return tokenizer, base, NaicsModel(shape, base)


def save(path: Path, model: NaicsModel, about: dict[str, Any]) -> None:
    """What training may change, and the shape to rebuild the rest; the base is named, not stored."""
    checkpoint.save(path, trainable(model), {**about, "kind": "naics", "shape": asdict(model.shape)})


def load(path: Path) -> tuple[Any, Encoder, NaicsModel, dict[str, Any]]:
    """(tokenizer, frozen base, model, metadata) of a checkpoint."""
    tensors, about = checkpoint.load(path)
    if about.get("kind") != "naics":
        raise BadInput(f"{path}: a {about.get('kind')} checkpoint, expected a naics one")
    tokenizer, base, model = start(shape_of(about), None, seed=0)
    load_trainable(model, tensors, str(path))
    return tokenizer, base, model.eval(), about


def shape_of(about: dict[str, Any]) -> Shape:
    values = dict(about["shape"])
    if values["target_modules"] is not None:
        values["target_modules"] = tuple(values["target_modules"])
    return Shape(**values)
