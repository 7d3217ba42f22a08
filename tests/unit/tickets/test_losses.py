"""lib.tickets.losses against sentence-transformers' classes: value and gradient."""

import numpy as np
import pytest
import torch
from sentence_transformers.sentence_transformer import losses as reference
from torch import nn

from lib.tickets import losses

DIMS = (32, 16, 8)
LABELS = [0, 1, 0, 2, 1, 0, None, None]  # two texts whose label is not known


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


def theirs(labels: list[int | None], dims: tuple[int, ...]) -> tuple[float, torch.Tensor]:
    """Each pair in a batch of its own, the texts of other labels as its hard negatives: anchors count alike."""
    model = Lookup(len(labels))
    loss = reference.MatryoshkaLoss(model, reference.MultipleNegativesRankingLoss(model), list(dims))
    of_anchors = []
    for anchor, label in enumerate(labels):
        own = [at for at, other in enumerate(labels) if other == label is not None and at != anchor]
        others = [at for at, other in enumerate(labels) if other != label]
        columns = [[{"rows": torch.tensor([at])} for at in (anchor, positive, *others)] for positive in own]
        if columns:
            of_anchors.append(torch.stack([loss(column, torch.zeros(1)) for column in columns]).mean())
    value = torch.stack(of_anchors).mean()
    value.backward()
    return value.item(), model.vectors.grad


def shared(labels: list[int | None]) -> torch.Tensor:
    return torch.tensor([[one == other is not None for other in labels] for one in labels])


def ours(labels: list[int | None], dims: tuple[int, ...]) -> tuple[float, torch.Tensor]:
    model = Lookup(len(labels))
    value = losses.matryoshka(model.vectors, shared(labels), dims)
    value.backward()
    return value.item(), model.vectors.grad


@pytest.mark.parametrize("labels", [[0, 0, 1], [0, 1, 0, 1], LABELS, LABELS * 3])
@pytest.mark.parametrize("dims", [DIMS[:1], DIMS])
def test_value_and_gradient_are_the_references(labels, dims):
    value, gradient = ours(labels, dims)
    expected_value, expected = theirs(labels, dims)
    assert value == pytest.approx(expected_value, abs=1e-6)
    torch.testing.assert_close(gradient, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("batch", [2, 7, 20])
def test_of_one_pair_a_label_it_is_the_references_from_both_ends(batch):
    """Each text ranks its partner among all others, of whichever column: query to document and to query, joint."""
    model, columns = Lookup(2 * batch), [{"rows": torch.arange(batch)}, {"rows": torch.arange(batch) + batch}]
    loss = reference.MultipleNegativesRankingLoss(model, directions=("query_to_doc", "query_to_query"))
    expected = [loss(ends, torch.zeros(batch)).item() for ends in (columns, columns[::-1])]
    value, _ = ours(np.tile(np.arange(batch), 2).tolist(), DIMS[:1])
    assert value == pytest.approx(np.mean(expected), abs=1e-9)


def test_a_prefix_is_judged_by_its_own_length():
    """Cosine of the prefix: numbers beyond it change nothing."""
    vectors = torch.randn(6, 32, generator=torch.Generator().manual_seed(3))
    changed = vectors.clone()
    changed[:, 8:] *= 5
    labels = shared([0, 1, 2, 0, 1, 2])
    first, second = (losses.matryoshka(v, labels, [8]).item() for v in (vectors, changed))
    assert first == pytest.approx(second, abs=1e-6)
