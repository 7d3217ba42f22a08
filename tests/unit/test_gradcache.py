"""lib.gradcache: the gradient of chunks against that of the whole batch in one piece."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lib import gradcache

N = 24


class Case:
    """An encoder with dropout, a learnt temperature, and InfoNCE over pairs (2i, 2i + 1)."""

    def __init__(self, dropout: float = 0.0) -> None:
        torch.manual_seed(1)
        layers = [nn.Linear(8, 16), nn.Dropout(dropout), nn.Tanh(), nn.Linear(16, 4)]
        self.encoder = nn.Sequential(*layers).double()
        self.temperature = nn.Parameter(torch.tensor(0.3, dtype=torch.float64))
        self.inputs = torch.randn(N, 8, dtype=torch.float64)

    def encode(self, rows):
        return F.normalize(self.encoder(self.inputs[rows]), dim=1)

    def loss(self, vectors):
        return F.cross_entropy(vectors[0::2] @ vectors[1::2].T / self.temperature, torch.arange(N // 2))

    def gradients(self, way, chunks) -> tuple[float, list[torch.Tensor]]:
        parameters = [*self.encoder.parameters(), self.temperature]
        for parameter in parameters:
            parameter.grad = None
        torch.manual_seed(2)
        loss = way(self.encode, chunks, self.loss)
        return loss.item(), [parameter.grad for parameter in parameters]


def chunks_of(*sizes: int) -> list[np.ndarray]:
    """Shuffled rows in pieces of these sizes, as batches of equal length are."""
    return np.split(np.random.default_rng(0).permutation(N), np.cumsum(sizes)[:-1])


@pytest.mark.parametrize("sizes", [(N,), (5, 1, 18), (1,) * N])
@pytest.mark.parametrize("way", [gradcache.backward, gradcache.plain])
def test_the_gradient_is_that_of_the_whole_batch(way, sizes):
    case = Case()
    expected_loss, expected = case.gradients(gradcache.plain, [np.arange(N)])
    loss, gradients = case.gradients(way, chunks_of(*sizes))
    assert loss == pytest.approx(expected_loss, abs=1e-12)
    for ours, reference in zip(gradients, expected):
        torch.testing.assert_close(ours, reference, rtol=0, atol=1e-12)


def test_dropout_draws_the_same_numbers_again():
    """Otherwise the second pass would send the gradient of one network through another."""
    case = Case(dropout=0.5)
    loss, gradients = case.gradients(gradcache.backward, chunks_of(8, 8, 8))
    same_loss, expected = case.gradients(gradcache.plain, chunks_of(8, 8, 8))
    assert loss == same_loss
    for ours, reference in zip(gradients, expected):
        torch.testing.assert_close(ours, reference, rtol=0, atol=1e-12)


@pytest.mark.parametrize("way", [gradcache.backward, gradcache.plain])
def test_what_is_drawn_afterwards_does_not_repeat_what_the_chunks_drew(way):
    case = Case(dropout=0.5)
    seen: list[torch.Tensor] = []
    case.encoder[1].register_forward_hook(lambda *called: seen.append(called[-1] == 0))
    case.gradients(way, chunks_of(8, 16))
    after = torch.nn.Dropout(0.5)(torch.ones(8, 16)) == 0
    assert not any(torch.equal(mask[:8], after) for mask in seen)


class Saved:
    """A tensor that a graph keeps; counts the rows that are kept at this moment, and the most there ever were."""

    now = most = 0

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor
        Saved.now += len(tensor)
        Saved.most = max(Saved.most, Saved.now)

    def __del__(self) -> None:
        Saved.now -= len(self.tensor)


def test_one_graph_at_a_time():
    """What the encoder's graphs keep at the worst moment is a chunk's share, not the batch's."""
    case, most = Case(), {}
    for way in (gradcache.backward, gradcache.plain):
        Saved.now = Saved.most = 0

        def encode(rows):
            with torch.autograd.graph.saved_tensors_hooks(Saved, lambda saved: saved.tensor):
                return case.encode(rows)

        way(encode, chunks_of(*(3,) * 8), case.loss)
        most[way] = Saved.most
    assert most[gradcache.plain] >= 7 * most[gradcache.backward]
