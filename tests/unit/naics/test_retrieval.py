"""lib.naics.retrieval against a loop over queries and codes."""

import numpy as np
import pytest
import torch

from lib.naics.geometry import Euclidean, Lorentz
from lib.naics.retrieval import code_distances

SPACES = {"lorentz": Lorentz(0.7, learn_curvature=False), "euclidean": Euclidean()}


def points(space, n: int, seed: int) -> torch.Tensor:
    return space.points(torch.randn(n, 5, generator=torch.Generator().manual_seed(seed)))


def found(space, asked, codes, known, columns) -> np.ndarray:
    return code_distances(space, space.scores(asked, codes).numpy(), space.scores(asked, known).numpy(), columns)


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("n_known", [0, 1, 5, 40])
def test_it_is_a_loop_over_queries_and_codes(name, n_known):
    space = SPACES[name]
    asked, codes, known = points(space, 6, 1), points(space, 9, 2), points(space, n_known, 3)
    columns = np.random.default_rng(1).integers(0, 9, n_known)
    answer = found(space, asked, codes, known, columns)
    for query, row in zip(asked, answer):
        for code, distance in enumerate(row):
            own = space.rowwise(query, codes[code]).item()
            entries = [space.rowwise(query, e).item() for e, column in zip(known, columns) if column == code]
            assert distance == pytest.approx((own + min([own, *entries])) / 2, rel=1e-9)


def test_a_code_without_known_descriptions_or_with_far_ones_is_as_far_as_its_point():
    space = SPACES["euclidean"]
    line = torch.tensor([[0.0], [1.0], [2.0], [3.0]], dtype=torch.float64)
    known = torch.tensor([[9.0], [1.0]], dtype=torch.float64)
    np.testing.assert_allclose(found(space, line[:1], line[1:], known, np.array([0, 2])), [[1.0, 2.0, 2.0]])
