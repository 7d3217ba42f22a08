"""Lorentz (hyperboloid) model of hyperbolic space with curvature -c, as plain functions.

Points are x = (x0, x1..xd) with <x, x> = -1/c and x0 > 0, where <u, v> = -u0 v0 + sum_i ui vi.
Tangent vectors at the origin o = (1/sqrt(c), 0, ..) carry their d space coordinates only. Work in
float64: in float32 the constraint is off by 3e-4 at radius 4 and by 1.0 at radius 8.
Source: Nickel and Kiela 2018 (1806.03417), with c entering as in Chami et al. 2019 (1910.12933).
"""

import torch
from torch import Tensor

# Below this value of cosh(d) - 1 two points count as one and the gradient of their distance is 0:
# acosh has an infinite slope there, and 0 times infinity is what poisons a run.
COINCIDENT = 1e-15


def inner(u: Tensor, v: Tensor) -> Tensor:
    """Lorentz product of rows, `(..., d + 1)` twice to `(...)`."""
    return (u[..., 1:] * v[..., 1:]).sum(-1) - u[..., 0] * v[..., 0]


def pairwise_inner(u: Tensor, v: Tensor) -> Tensor:
    """Lorentz products of all pairs, `(n, d + 1)` and `(m, d + 1)` to `(n, m)`."""
    return u[:, 1:] @ v[:, 1:].T - u[:, :1] @ v[:, :1].T


def expmap0(tangent: Tensor, c: Tensor | float) -> Tensor:
    """Exponential map at the origin, `(..., d)` to points `(..., d + 1)`."""
    c = torch.as_tensor(c, dtype=tangent.dtype, device=tangent.device)
    radius = tangent.norm(dim=-1, keepdim=True)
    scaled = c.sqrt() * radius.clamp(min=1e-12)
    space = torch.sinh(scaled) / scaled * tangent
    time = (1 / c + space.square().sum(-1, keepdim=True)).sqrt()
    return torch.cat([time, space], dim=-1)


def logmap0(points: Tensor, c: Tensor | float) -> Tensor:
    """Logarithmic map at the origin, `(..., d + 1)` to tangent vectors `(..., d)`."""
    c = torch.as_tensor(c, dtype=points.dtype, device=points.device)
    space = points[..., 1:]
    length = space.norm(dim=-1, keepdim=True).clamp(min=1e-12)
    return torch.asinh(c.sqrt() * length) / (c.sqrt() * length) * space


def dist(u: Tensor, v: Tensor, c: Tensor | float) -> Tensor:
    """Geodesic distance of rows, `(..., d + 1)` twice to `(...)`: acosh(-c <u, v>) / sqrt(c)."""
    # cosh(d) - 1 = c / 2 <u - v, u - v>: no cancellation for near points, unlike -c <u, v> - 1
    return _from_excess(inner(u - v, u - v) / 2, c)


def pairwise_dist(u: Tensor, v: Tensor, c: Tensor | float) -> Tensor:
    """Distances of all pairs, `(n, d + 1)` and `(m, d + 1)` to `(n, m)`."""
    c = torch.as_tensor(c, dtype=u.dtype, device=u.device)
    return _from_excess(-pairwise_inner(u, v) - 1 / c, c)


def to_poincare(points: Tensor, c: Tensor | float) -> Tensor:
    """The Poincare ball of radius 1 / sqrt(c), `(..., d + 1)` to `(..., d)`."""
    c = torch.as_tensor(c, dtype=points.dtype, device=points.device)
    return points[..., 1:] / (1 + c.sqrt() * points[..., :1])


def violation(points: Tensor, c: Tensor | float) -> float:
    """Largest |<x, x> + 1/c| over the rows: how far the points are off the hyperboloid."""
    return (inner(points, points) + 1 / torch.as_tensor(c, dtype=points.dtype)).abs().max().item()


def _from_excess(excess: Tensor, c: Tensor | float) -> Tensor:
    """Distance from excess = (cosh(sqrt(c) d) - 1) / c, with gradient 0 where the points coincide."""
    c = torch.as_tensor(c, dtype=excess.dtype, device=excess.device)
    half = (c * excess / 2).clamp(min=COINCIDENT)
    distance = 2 * torch.asinh(half.sqrt()) / c.sqrt()
    return torch.where(c * excess / 2 > COINCIDENT, distance, torch.zeros_like(distance))
