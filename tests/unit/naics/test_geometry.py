"""lib.naics.geometry: two spaces with one interface, the second a control for the first."""

import geoopt
import numpy as np
import pytest
import torch

from lib.naics import lorentz
from lib.naics.geometry import Euclidean, Lorentz

TANGENTS = torch.randn(7, 4, generator=torch.Generator().manual_seed(1))
SPACES = [Lorentz(1.7, learn_curvature=True), Euclidean()]


@pytest.mark.parametrize("space", SPACES, ids=["lorentz", "euclidean"])
def test_pairs_and_rows_are_the_same_distances(space):
    points = space.points(TANGENTS)
    assert points.dtype == torch.float64
    every = space.pairwise(points, points[:3])
    assert every.shape == (7, 3)
    torch.testing.assert_close(every, space.rowwise(points[:, None], points[None, :3]), rtol=0, atol=1e-6)


def test_the_hyperboloid_is_geoopts_with_the_curvature_that_was_asked():
    space, reference = SPACES[0], geoopt.Lorentz(k=torch.tensor(1 / 1.7, dtype=torch.float64))
    points = space.points(TANGENTS)
    expected = reference.expmap0(torch.nn.functional.pad(TANGENTS.double(), (1, 0)))
    torch.testing.assert_close(points, expected, rtol=1e-6, atol=1e-6)  # the curvature is a float32 logarithm
    torch.testing.assert_close(
        space.pairwise(points, points[:3]), reference.dist(points[:, None], points[None, :3]), rtol=1e-6, atol=1e-6
    )


def test_the_plane_is_plain_distance():
    points = Euclidean().points(TANGENTS)
    assert torch.equal(points, TANGENTS.double())
    expected = torch.cdist(points, points[:3])
    torch.testing.assert_close(Euclidean().pairwise(points, points[:3]), expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("space", SPACES, ids=["lorentz", "euclidean"])
def test_equal_points_leave_the_gradient_finite(space):
    tangents = TANGENTS[[0, 0, 1]].clone().requires_grad_()
    points = space.points(tangents)
    (space.pairwise(points, points).sum() + space.rowwise(points, points).sum()).backward()
    assert torch.isfinite(tangents.grad).all()
    assert tangents.grad.abs().max() < 10


@pytest.mark.parametrize("learn", [True, False])
def test_the_curvature_learns_if_it_may_and_stays_positive(learn):
    space = Lorentz(0.5, learn_curvature=learn)
    points = space.points(TANGENTS.clone().requires_grad_())
    space.pairwise(points, points).sum().backward()
    assert (space.log_curvature.grad is not None and space.log_curvature.grad.item() != 0) == learn
    with torch.no_grad():
        space.log_curvature -= 100
    assert space.curvature > 0


def test_points_far_out_are_still_on_the_hyperboloid():
    space = Lorentz(1.0, learn_curvature=True)
    directions = torch.nn.functional.normalize(TANGENTS, dim=1)
    assert lorentz.violation(space.points(12 * directions), space.curvature) <= 1e-5


@pytest.mark.parametrize("space", SPACES, ids=["lorentz", "euclidean"])
def test_scores_are_what_an_index_answers_and_become_distances(space):
    points = space.points(TANGENTS).detach()
    scores = space.scores(points, points).detach()
    if space.metric == "lorentz":
        answered = lorentz.inner(points[:, None], points[None])
    else:
        answered = -(points[:, None] - points[None]).square().sum(-1)
    torch.testing.assert_close(scores, answered, rtol=0, atol=1e-12)
    expected = space.rowwise(points[:, None], points[None]).detach().numpy()
    np.testing.assert_allclose(space.distances(scores.numpy()), expected, atol=1e-6)
