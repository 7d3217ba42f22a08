"""What needs no sequence model: averages of the context, a ridge regression, and the fit of their few numbers.

All answer as a Predictor does, in the space of the vectors themselves.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize, pad

from .. import checkpoint, seeds
from ..errors import BadInput
from . import two_tower
from .payload import Payload
from .predictor import Predictor
from .ranking import Bench, cosines, mrr
from .two_tower import TwoTower
from .windows import CONTEXT, contexts

RECENCY, TOWERS = "recency mean", "two-tower"
DECAYS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
EARLIER = (0.1, 0.2, 0.4, 0.8, 1.6)
PENALTIES = (1.0, 1e1, 1e2, 1e3)
FITTED_ON = 20000  # windows of the training articles that regressions see


class AsTheyAre:
    """Searches among the vectors themselves."""

    indexed: int | None = None

    def documents(self, vectors: Tensor) -> Tensor:
        return vectors


class Averages(AsTheyAre):
    """A weighted sum of the last chunks, and the mean of all before them times `earlier`; length 1."""

    def __init__(self, weights: Tensor, earlier: Tensor | float = 0.0) -> None:
        self.weights, self.earlier = weights, float(earlier)
        self.context = 0 if self.earlier else len(weights)

    def next_vectors(self, contexts: Tensor) -> Tensor:
        near = contexts[:, -len(self.weights) :]
        weights = self.weights[-near.shape[1] :].to(contexts)
        found = torch.einsum("l,bld->bd", weights, near)
        if self.earlier and contexts.shape[1] > near.shape[1]:
            found = found + self.earlier * contexts[:, : -near.shape[1]].mean(dim=1)
        return normalize(found, dim=1)

    queries = next_vectors

    def parts(self) -> dict[str, Tensor]:
        return {"weights": self.weights, "earlier": torch.tensor(self.earlier)}


class Linear(AsTheyAre):
    """A linear map of the last chunks end to end, (CONTEXT * d) to d; what an article does not have yet is zero."""

    context = CONTEXT

    def __init__(self, matrix: Tensor) -> None:
        self.matrix = matrix

    def next_vectors(self, contexts: Tensor) -> Tensor:
        whole = pad(contexts, (0, 0, CONTEXT - contexts.shape[1], 0))
        return normalize(whole.flatten(1) @ self.matrix.to(contexts), dim=1)

    queries = next_vectors

    def parts(self) -> dict[str, Tensor]:
        return {"matrix": self.matrix}


def recency(decay: float) -> Tensor:
    """decay^0 for the last chunk, decay^1 for the one before it, and so on."""
    return decay ** torch.arange(CONTEXT - 1, -1, -1.0)


def fit(payload: Payload, bench: Bench, seed: int) -> dict[str, Averages | Linear]:
    """All that are no towers. Regressions see training articles; what is left to choose is chosen by `bench`."""
    inputs, outputs = _regression(payload, seed)
    near = [Averages(recency(decay)) for decay in DECAYS]
    far = [Averages(recency(decay), earlier) for decay in DECAYS for earlier in EARLIER]
    maps = [Linear(ridge(inputs.flatten(1), outputs, penalty)) for penalty in PENALTIES]
    return {
        "last": Averages(torch.ones(1)),
        "mean": Averages(torch.ones(CONTEXT)),
        RECENCY: max(near, key=lambda averages: mrr(bench, averages)),
        "least squares": Averages(scalars(inputs, outputs)),
        # By cosine: by MRR it is the recency mean again, and by cosine the hardest to beat in contain_at_50.
        "recency + earlier": max(far, key=lambda averages: cosines(bench, averages).mean()),
        "ridge": max(maps, key=lambda linear: mrr(bench, linear)),
    }


def save(path: Path, fitted: dict[str, Averages | Linear], towers: TwoTower, about: dict[str, Any]) -> None:
    """One checkpoint of them all, tensors named "{baseline}/{part}"."""
    parts: dict[str, dict[str, Tensor]] = {TOWERS: towers.state_dict()}
    parts |= {name: one.parts() for name, one in fitted.items()}
    tensors = {f"{name}/{part}": tensor for name, own in parts.items() for part, tensor in own.items()}
    checkpoint.save(path, tensors, {**about, "kind": "baselines", "names": list(parts)})


def load(path: Path, device: str = "cpu") -> tuple[dict[str, Predictor], dict[str, Any]]:
    """The baselines by name, and what the checkpoint says."""
    tensors, about = checkpoint.load(path, "baselines", ["names", "validation_mrr"])
    found: dict[str, Predictor] = {}
    for name in about["names"]:
        own = f"{name}/"
        parts = {key.removeprefix(own): tensor.to(device) for key, tensor in tensors.items() if key.startswith(own)}
        found[name] = _from_tensors(parts, name, f"{path}: {name}")
    return found, about


def _from_tensors(parts: dict[str, Tensor], name: str, where: str) -> Predictor:
    if name == TOWERS:
        return two_tower.from_tensors(parts, where)
    kind, expected = (Linear, ["matrix"]) if "matrix" in parts else (Averages, ["earlier", "weights"])
    if sorted(parts) != expected:
        raise BadInput(f"{where}: tensors {sorted(parts)}, expected {expected}")
    return kind(**parts)


def scalars(inputs: Tensor, outputs: Tensor) -> Tensor:
    """The least-squares weight of each place in the context, `(n, l, d)` and `(n, d)` to `(l,)`."""
    gram = torch.einsum("nld,nmd->lm", inputs, inputs)
    return torch.linalg.solve(gram, torch.einsum("nld,nd->l", inputs, outputs))


def ridge(inputs: Tensor, outputs: Tensor, penalty: float) -> Tensor:
    """argmin_W |X W - Y|^2 + penalty |W|^2, `(n, m)` and `(n, d)` to `(m, d)`."""
    gram = inputs.T @ inputs + penalty * torch.eye(inputs.shape[1])
    return torch.linalg.solve(gram, inputs.T @ outputs)


def _regression(payload: Payload, seed: int) -> tuple[Tensor, Tensor]:
    """Contexts `(n, CONTEXT, d)` and next vectors `(n, d)` of training articles."""
    rows = np.flatnonzero((payload.splits == "train") & (payload.positions >= CONTEXT))
    if not len(rows):
        raise BadInput(f"{payload.folder}: no training article has {CONTEXT + 1} chunks, expected some")
    rows = np.sort(seeds.generator(seed, "baselines").permutation(rows)[:FITTED_ON])
    inputs, outputs = payload.vectors[contexts(rows)], payload.vectors[rows]
    return torch.from_numpy(inputs.astype(np.float32)), torch.from_numpy(outputs.astype(np.float32))
