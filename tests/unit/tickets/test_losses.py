"""lib.tickets.losses against sentence-transformers' classes: value and gradient."""

import pytest
import torch
from sentence_transformers.sentence_transformer import losses as reference
from torch import nn

from lib.tickets import losses

DIMS = (32, 16, 8)


class Lookup(nn.Module):
    """What the reference takes for a model: a text is a row of a table of vectors."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.vectors = nn.Parameter(torch.randn(rows, DIMS[0], dtype=torch.float64))

    def get_embedding_dimension(self) -> int:
        return DIMS[0]

    def forward(self, features: dict) -> dict:
        return {"sentence_embedding": self.vectors[features["rows"]]}


def theirs(columns: int, batch: int, dims: tuple[int, ...]) -> tuple[float, torch.Tensor]:
    model = Lookup(columns * batch)
    loss = reference.MultipleNegativesRankingLoss(model)
    if dims != DIMS[:1]:
        loss = reference.MatryoshkaLoss(model, loss, list(dims))
    features = [{"rows": torch.arange(batch) + column * batch} for column in range(columns)]
    value = loss(features, torch.zeros(batch))
    value.backward()
    return value.item(), model.vectors.grad


def ours(columns: int, batch: int, dims: tuple[int, ...]) -> tuple[float, torch.Tensor]:
    model = Lookup(columns * batch)
    value = losses.matryoshka(model.vectors[:batch], model.vectors[batch:], dims)
    value.backward()
    return value.item(), model.vectors.grad


@pytest.mark.parametrize("columns", [2, 3])
@pytest.mark.parametrize("batch", [2, 7, 20])
@pytest.mark.parametrize("dims", [DIMS[:1], DIMS])
def test_value_and_gradient_are_the_references(columns, batch, dims):
    """Two columns are (anchor, positive); the third is a hard negative of each row."""
    value, gradient = ours(columns, batch, dims)
    expected_value, expected = theirs(columns, batch, dims)
    assert value == pytest.approx(expected_value, abs=1e-6)
    torch.testing.assert_close(gradient, expected, rtol=0, atol=1e-6)


def test_a_false_negative_takes_no_part():
    """Neither its score nor its gradient counts: the loss is that without the candidate."""
    vectors = Lookup(5).vectors
    anchors, candidates = vectors[:2], vectors[2:]
    hidden = torch.tensor([[False, False, True], [False, False, True]])
    masked = losses.ranking(anchors, candidates, hidden)
    assert masked.item() == pytest.approx(losses.ranking(anchors, candidates[:2]).item(), abs=1e-12)
    masked.backward()
    assert vectors.grad[4].abs().max() == 0


def test_a_prefix_is_judged_by_its_own_length():
    """Cosine of the prefix: numbers beyond it change nothing."""
    vectors = torch.randn(6, 32, generator=torch.Generator().manual_seed(3))
    changed = vectors.clone()
    changed[:, 8:] *= 5
    first, second = (losses.matryoshka(v[:3], v[3:], [8]).item() for v in (vectors, changed))
    assert first == pytest.approx(second, abs=1e-6)
