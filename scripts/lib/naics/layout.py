"""A view of hyperbolic space in two dimensions: metric multidimensional scaling on the hyperbolic plane.

Distances of many dimensions do not fit into two: `stress` and `correlation` say how much is lost.
Source: Kruskal 1964 (stress-1), Cvetkovski and Crovella 2011 (1105.5332, on the Poincare disk).
"""

import math

import torch
from torch import Tensor

from .. import seeds
from . import lorentz

RATE = 0.1  # Adam's peak learning rate, in units of distance


def principal_directions(tangent: Tensor) -> Tensor:
    """Where the fit starts, `(n, d)` to `(n, 2)`: direction of the first two principal components, radius kept."""
    centred = tangent - tangent.mean(dim=0)
    _, _, axes = torch.linalg.svd(centred, full_matrices=False)
    axes = axes[:2] * torch.where(axes[:2].sum(dim=1, keepdim=True) < 0, -1.0, 1.0)  # a component's sign is free
    plane = centred @ axes.T
    return plane / plane.norm(dim=1, keepdim=True).clamp(min=1e-12) * tangent.norm(dim=1, keepdim=True)


def fit(distances: Tensor, start: Tensor, c: float, steps: int = 300, rows: int = 64) -> Tensor:
    """Points `(n, 3)` on the hyperbolic plane of curvature -c whose distances are near `distances` `(n, n)`.

    Every step of Adam sees `rows` points against all; which ones is a function of the step, so
    that the same distances give the same picture. `start` `(n, 2)` is tangent at the origin.
    """
    plane = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([plane])
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = RATE * (1 + math.cos(math.pi * step / steps)) / 2
        drawn = torch.from_numpy(seeds.generator(0, "layout", step).permutation(len(plane))[:rows])
        points = lorentz.expmap0(plane, c)
        optimizer.zero_grad()
        stress(lorentz.pairwise_dist(points[drawn], points, c), distances[drawn]).square().backward()
        optimizer.step()
    return lorentz.expmap0(plane.detach(), c)


def stress(drawn: Tensor, wanted: Tensor) -> Tensor:
    """Kruskal's stress-1 of distances, 0 where the drawing is exact."""
    return ((drawn - wanted).square().sum() / wanted.square().sum()).sqrt()


def correlation(drawn: Tensor, wanted: Tensor) -> float:
    """Pearson correlation over all pairs of two symmetric distance matrices."""
    upper = torch.triu_indices(len(drawn), len(drawn), offset=1).unbind()
    return torch.corrcoef(torch.stack([drawn[upper], wanted[upper]]))[0, 1].item()
