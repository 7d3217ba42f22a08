"""Where embeddings live: the hyperboloid, or flat space with everything else the same."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from . import lorentz

Matrix = NDArray[np.floating]


class Lorentz(nn.Module):
    """Points on the hyperboloid, from a direction and a bounded radius, in float64.

    The radius is `max_radius * sigmoid(.)`: float64 holds the constraint to 1e-5 up to about
    radius 12, and a sigmoid keeps a gradient where a clamp would not.
    """

    metric = "lorentz"  # of an index over its points

    def __init__(self, curvature: float, learn_curvature: bool) -> None:
        super().__init__()
        self.log_curvature = nn.Parameter(torch.tensor(math.log(curvature)), requires_grad=learn_curvature)

    @property
    def curvature(self) -> Tensor:
        """c > 0, float64; the curvature of the space is -c."""
        return self.log_curvature.double().exp()

    def points(self, tangent: Tensor) -> Tensor:
        """Tangent vectors at the origin, `(n, d)`, to points `(n, d + 1)`, float64."""
        return lorentz.expmap0(tangent.double(), self.curvature)

    def pairwise(self, u: Tensor, v: Tensor) -> Tensor:
        """Distances of all pairs, `(n, d + 1)` and `(m, d + 1)` to `(n, m)`."""
        return lorentz.pairwise_dist(u, v, self.curvature)

    def rowwise(self, u: Tensor, v: Tensor) -> Tensor:
        """Distances of rows, `(..., d + 1)` twice to `(...)`, broadcasting."""
        return lorentz.dist(u, v, self.curvature)

    def scores(self, u: Tensor, v: Tensor) -> Tensor:
        """Lorentz products of all pairs, larger when nearer: what an index answers with, and cheaper than distances."""
        return lorentz.pairwise_inner(u, v)

    def distances(self, scores: Matrix) -> Matrix:
        """Distances from Lorentz products."""
        c = self.curvature.item()
        return np.arccosh(np.maximum(-c * scores.astype(np.float64), 1.0)) / math.sqrt(c)


class Euclidean(nn.Module):
    """The same directions and radii, taken as plain vectors: the control for what curvature brings."""

    metric = "l2"

    def points(self, tangent: Tensor) -> Tensor:
        return tangent.double()

    def pairwise(self, u: Tensor, v: Tensor) -> Tensor:
        """Distances of all pairs, `(n, d)` and `(m, d)` to `(n, m)`, with gradient 0 where points coincide."""
        return (-self.scores(u, v)).clamp(min=lorentz.COINCIDENT).sqrt()

    def rowwise(self, u: Tensor, v: Tensor) -> Tensor:
        """Distances of rows, `(..., d)` twice to `(...)`, broadcasting."""
        return (u - v).square().sum(-1).clamp(min=lorentz.COINCIDENT).sqrt()

    def scores(self, u: Tensor, v: Tensor) -> Tensor:
        """Squared distances of all pairs with a minus, larger when nearer."""
        return 2 * u @ v.T - u.square().sum(1, keepdim=True) - v.square().sum(1)

    def distances(self, scores: Matrix) -> Matrix:
        """Distances from scores."""
        return np.sqrt(np.maximum(-scores.astype(np.float64), 0.0))


Space = Lorentz | Euclidean
