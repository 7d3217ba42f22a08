"""lib.naics.lorentz against geoopt, against fifty digits where geoopt itself is not exact, and its gradients."""

import geoopt
import mpmath
import numpy as np
import pytest
import torch
from torch import Tensor

from lib.naics import lorentz

RADII = [1e-6, 1e-4, 1e-2, 0.3, 1.0, 3.0, 6.0, 10.0]
CURVATURES = [0.25, 1.0, 2.5]
MAX_RADIUS = 12.0


def tangents(radius: float, n: int = 16, dim: int = 5, seed: int = 1) -> Tensor:
    """Tangent vectors at the origin of one length, in random directions, `(n, dim)` float64."""
    directions = np.random.default_rng(seed).normal(size=(n, dim))
    return torch.from_numpy(radius * directions / np.linalg.norm(directions, axis=1, keepdims=True))


def geoopt_lorentz(c: float) -> geoopt.Lorentz:
    """geoopt's k is the radius squared of the hyperboloid: <x, x> = -k."""
    return geoopt.Lorentz(k=torch.tensor(1 / c, dtype=torch.float64))


def at_origin(tangent: Tensor) -> Tensor:
    """As geoopt wants them, with a time coordinate of 0."""
    return torch.nn.functional.pad(tangent, (1, 0))


def exact_distance(a: np.ndarray, b: np.ndarray, c: float) -> float:
    """Distance of expmap0(a) and expmap0(b) in fifty digits: acosh(-c <u, v>) / sqrt(c)."""
    with mpmath.workdps(50):
        c = mpmath.mpf(c)
        lengths = [mpmath.sqrt(c) * mpmath.norm(list(map(mpmath.mpf, map(float, x)))) for x in (a, b)]
        cosine = mpmath.fdot(map(float, a), map(float, b)) * c / (lengths[0] * lengths[1])
        cosh = [mpmath.cosh(length) for length in lengths]
        sinh = [mpmath.sinh(length) for length in lengths]
        return float(mpmath.acosh(cosh[0] * cosh[1] - sinh[0] * sinh[1] * cosine) / mpmath.sqrt(c))


# Against geoopt


@pytest.mark.parametrize("c", CURVATURES)
@pytest.mark.parametrize("radius", RADII)
def test_expmap0_is_geoopts(radius, c):
    tangent = tangents(radius)
    expected = geoopt_lorentz(c).expmap0(at_origin(tangent))
    torch.testing.assert_close(lorentz.expmap0(tangent, c), expected, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("c", CURVATURES)
@pytest.mark.parametrize("radius", RADII)
def test_logmap0_undoes_expmap0_and_is_geoopts(radius, c):
    tangent = tangents(radius)
    points = lorentz.expmap0(tangent, c)
    torch.testing.assert_close(lorentz.logmap0(points, c), tangent, rtol=1e-6, atol=0)
    if radius > 1e-3:  # nearer to the origin geoopt's acosh has no digits left
        expected = geoopt_lorentz(c).logmap0(points)[:, 1:]
        torch.testing.assert_close(lorentz.logmap0(points, c), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("c", CURVATURES)
@pytest.mark.parametrize("radius", [radius for radius in RADII if radius > 1e-3])
def test_distances_are_geoopts(radius, c):
    u = lorentz.expmap0(tangents(radius, seed=1), c)
    v = lorentz.expmap0(tangents(radius, seed=2), c)
    expected = geoopt_lorentz(c).dist(u[:, None], v[None])
    torch.testing.assert_close(lorentz.pairwise_dist(u, v, c), expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(lorentz.dist(u[:, None], v[None], c), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("c", CURVATURES)
def test_the_poincare_ball_is_geoopts(c):
    points = lorentz.expmap0(torch.cat([tangents(radius) for radius in RADII]), c)
    ball, k = lorentz.to_poincare(points, c), torch.tensor(1 / c, dtype=torch.float64)
    in_unit_ball = geoopt.manifolds.lorentz.math.lorentz_to_poincare(points, k)  # whatever the curvature
    torch.testing.assert_close(ball, in_unit_ball / c**0.5)
    distances = geoopt.PoincareBall(c=c).dist(ball[:64, None], ball[None, :64])  # to radius 0.3
    torch.testing.assert_close(lorentz.pairwise_dist(points[:64], points[:64], c), distances, rtol=0, atol=1e-6)


# Against fifty digits


@pytest.mark.parametrize("c", CURVATURES)
@pytest.mark.parametrize("apart", [1e-6, 1e-3, 0.1, 5.0])
@pytest.mark.parametrize("radius", RADII)
def test_distances_of_near_and_far_points(radius, apart, c):
    radius = radius / c**0.5  # equally far from the origin in units of the curvature
    a = tangents(radius, n=6)
    b = a + tangents(min(apart, radius), n=6, seed=2) * np.exp(-radius)  # else all would be far apart
    found = lorentz.dist(lorentz.expmap0(a, c), lorentz.expmap0(b, c), c)
    expected = [exact_distance(x, y, c) for x, y in zip(a.numpy(), b.numpy())]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_a_point_is_at_distance_0_from_itself_and_distance_is_symmetric():
    u, v = (lorentz.expmap0(tangents(3.0, seed=seed), 1.0) for seed in (1, 2))
    assert torch.equal(lorentz.dist(u, u, 1.0), torch.zeros(len(u), dtype=torch.float64))
    assert torch.equal(lorentz.dist(u, v, 1.0), lorentz.dist(v, u, 1.0))


# The constraint


@pytest.mark.parametrize("c", CURVATURES)
def test_points_stay_on_the_hyperboloid_up_to_the_largest_radius(c):
    radii = torch.linspace(0, MAX_RADIUS / c**0.5, 50, dtype=torch.float64)
    points = lorentz.expmap0(torch.cat([tangents(float(radius), dim=384) for radius in radii]), c)
    assert lorentz.violation(points, c) <= 1e-5


def test_in_float32_they_would_not():
    errors = {radius: lorentz.violation(lorentz.expmap0(tangents(radius).float(), 1.0), 1.0) for radius in (4.0, 8.0)}
    assert errors[4.0] > 1e-5
    assert errors[8.0] > 1e-2


def test_violation_is_the_largest_deviation():
    points = lorentz.expmap0(tangents(1.0), 2.0)
    points[3, 0] += 0.01
    expected = abs(-(points[3, 0] ** 2) + points[3, 1:].square().sum() + 0.5)
    assert lorentz.violation(points, 2.0) == pytest.approx(expected.item())
    assert expected > 0.01


# Gradients


def through_the_map(distance):
    """Distance as a function of tangent vectors and curvature."""
    return lambda a, b, c: distance(lorentz.expmap0(a, c), lorentz.expmap0(b, c), c)


@pytest.mark.parametrize("distance", [lorentz.dist, lorentz.pairwise_dist])
@pytest.mark.parametrize("radius", [1e-2, 1.0, 4.0])
def test_gradients_are_finite_differences(distance, radius):
    a, b = (tangents(radius, n=3, dim=3, seed=seed).requires_grad_() for seed in (1, 2))
    c = torch.tensor(1.3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(through_the_map(distance), (a, b, c), eps=1e-6, atol=1e-4, rtol=1e-4)


def test_gradients_of_the_maps_are_finite_differences():
    tangent = tangents(2.0, n=3, dim=3).requires_grad_()
    c = torch.tensor(1.3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lorentz.expmap0, (tangent, c))
    assert torch.autograd.gradcheck(lorentz.logmap0, (lorentz.expmap0(tangent, c).detach().requires_grad_(), c))
    assert torch.autograd.gradcheck(lorentz.to_poincare, (lorentz.expmap0(tangent, c).detach().requires_grad_(), c))


def gradient_at(distance, a: Tensor, b: Tensor) -> list[Tensor]:
    inputs = [a.clone().requires_grad_(), b.clone().requires_grad_(), torch.tensor(1.3, requires_grad=True)]
    through_the_map(distance)(*inputs).sum().backward()
    return [each.grad for each in inputs]


@pytest.mark.parametrize("radius", [0.0, 1e-6, 1.0, 4.0])
def test_coincident_points_have_no_gradient(radius):
    """The slope of acosh is infinite there; one such pair would end a training."""
    a = tangents(radius)
    assert all(torch.equal(grad, torch.zeros_like(grad)) for grad in gradient_at(lorentz.dist, a, a))


@pytest.mark.parametrize("radius", [0.0, 1e-6, 1.0, 4.0])
@pytest.mark.parametrize("apart", [0.0, 1e-12, 1e-9, 1e-7])
def test_nearly_coincident_points_have_a_bounded_gradient(radius, apart):
    """No unit step of a point changes a distance by more than the unit does where it is: sinh(r) / r."""
    a = tangents(radius)
    b = a + tangents(apart, seed=2)
    bound = 1.01 * len(a) * (np.sinh(1.3**0.5 * radius) / (1.3**0.5 * radius) if radius else 1.0)
    for distance in (lorentz.dist, lorentz.pairwise_dist):
        grad_a, grad_b, grad_c = gradient_at(distance, a, b)
        assert max(grad_a.norm(dim=1).max(), grad_b.norm(dim=1).max()) <= bound
        assert torch.isfinite(grad_c)
