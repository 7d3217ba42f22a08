"""Numbers as token distributions, against enumeration, and the hybrid loss, against finite differences."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from lib.correlation import losses, numbers
from lib.correlation.losses import Loss
from lib.correlation.numbers import Distribution, Numbers
from lib.errors import BadInput

ONE = numbers.single()
TWO = Numbers(torch.arange(10).repeat(2, 1), torch.linspace(-1, 1, 100))
KINDS = pytest.mark.parametrize("known", [ONE, TWO], ids=["one token", "two digits"])


def logits_of(known: Numbers, rows: int = 3, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = (rows, known.positions, known.tokens.shape[1])
    return torch.randn(shape, dtype=torch.float64, generator=generator).requires_grad_()


def doubled(known: Numbers) -> Numbers:
    return Numbers(known.tokens, known.values.double())


@KINDS
@given(st.floats(-1, 1))
def test_a_score_is_the_nearest_value(known, correlation):
    score = int(known.score(np.array([correlation]))[0])
    values = known.values.double().numpy()
    assert abs(values[score] - correlation) <= abs(values - correlation).min() + 1e-6


def test_one_token_scores_are_hundredths():
    assert ONE.texts()[0] == "000"
    assert ONE.texts()[200] == "200"
    correlations = np.array([-1.0, -0.37, 0.0, 0.5, 1.0])
    assert ONE.score(correlations).tolist() == [round(100 * r) + 100 for r in correlations]


def test_two_digit_scores_are_written_digit_by_digit():
    score = TWO.score(np.array([-1.0, 0.25, 1.0]))
    written = ["".join(str(token) for token in ids) for ids in TWO.ids(score)]
    assert written == [TWO.texts()[int(at)] for at in score]
    assert (written[0], written[-1]) == ("00", "99")


def test_one_token_expectation_is_the_sum_over_all_scores():
    logits = logits_of(ONE)
    expected = (logits[:, 0].softmax(-1) * torch.linspace(-1, 1, 201)).sum(-1)
    assert torch.allclose(doubled(ONE).taught(logits, ONE.classes(torch.zeros(3).long())), expected, atol=1e-7)


def test_two_digits_read_from_ten_branches_are_the_enumerated_distribution():
    first, second = torch.randn(2, 10), torch.randn(2, 10, 10)
    joint = TWO.joint(first, second)
    for row in range(2):
        for score in range(100):
            tens, ones = divmod(score, 10)
            chance = first[row].softmax(0)[tens] * second[row, tens].softmax(0)[ones]
            assert joint[row, score] == pytest.approx(float(chance), abs=1e-6)


def test_two_digits_taught_with_all_the_chance_on_the_true_first_digit_are_exact():
    logits = torch.randn(1, 2, 10, dtype=torch.float64)
    logits[0, 0] = torch.where(torch.arange(10) == 7, 50.0, -50.0)
    expected = float(logits[0, 1].softmax(0) @ TWO.values.double()[70:80])
    assert float(doubled(TWO).taught(logits, torch.tensor([[7, 0]]))) == pytest.approx(expected, abs=1e-9)


def test_a_sum_of_digit_expectations_is_another_number():
    """Half 09 and half 90 has the middle for its mean; so have its digits, but 04 or 95 is not what they add up to."""
    first = torch.log(torch.tensor([[0.5] + [1e-9] * 8 + [0.5]]))
    second = torch.full((1, 10, 10), -50.0)
    second[0, 0, 1], second[0, 9, 2] = 50.0, 50.0  # 01 or 92
    exact = float(TWO.joint(first, second)[0] @ TWO.values)
    assert exact == pytest.approx(float((TWO.values[1] + TWO.values[92]) / 2), abs=1e-5)
    independent = first.softmax(-1)[0] @ torch.arange(10.0) * 10 + 4.5
    assert exact != pytest.approx(float(independent / 49.5 - 1), abs=0.02)


@KINDS
@pytest.mark.parametrize("kind", ["mse", "mae", "huber"])
def test_the_gradient_of_the_hybrid_loss_is_its_finite_difference(known, kind):
    truth = torch.tensor([0.31, -0.62, 0.9], dtype=torch.float64)
    classes = known.classes(known.score(truth))

    def loss_of(logits: torch.Tensor) -> torch.Tensor:
        generation = losses.generation(logits, classes)
        return Loss(10.0, kind)(generation, doubled(known).taught(logits, classes), truth)["total_loss"]

    assert torch.autograd.gradcheck(loss_of, logits_of(known))


@KINDS
@pytest.mark.parametrize("kind", ["mse", "mae", "huber"])
def test_fault_the_regression_term_alone_reaches_every_number_logit(known, kind):
    """The original's number came from argmax and a new tensor: this gradient was exactly zero."""
    logits, truth = logits_of(known), torch.tensor([0.31, -0.62, 0.9], dtype=torch.float64)
    expected = doubled(known).taught(logits, known.classes(known.score(truth)))
    Loss(1.0, kind)(torch.zeros(()), expected, truth)["regression_loss"].backward()
    assert (logits.grad != 0).all()


def test_a_weight_of_zero_is_cross_entropy_alone():
    parts = Loss(0.0)(torch.tensor(1.5), torch.tensor([0.9]), torch.tensor([-0.9]))
    assert float(parts["total_loss"]) == 1.5
    assert float(parts["regression_loss"]) == pytest.approx(3.24)


def test_generation_counts_the_answers_tokens_only():
    logits = torch.randn(2, 3, 7)
    labels = torch.tensor([[1, 2, losses.IGNORED], [3, losses.IGNORED, losses.IGNORED]])
    own = [F.cross_entropy(logits[row, at], labels[row, at]) for row, at in ((0, 0), (0, 1), (1, 0))]
    assert float(losses.generation(logits, labels)) == pytest.approx(float(sum(own)) / 3, abs=1e-6)


def test_an_unknown_regression_loss_is_refused():
    with pytest.raises(BadInput, match=r"^regression_loss_type 'rmse': expected one of mse, mae, huber$"):
        Loss(10.0, "rmse")


def test_what_a_distribution_says():
    found = Distribution(np.array([[0.5, 0.0, 0.0, 0.25, 0.25], [0, 0, 0, 0, 1.0]]), np.array([-1, -0.5, 0, 0.5, 1]))
    assert found.mean.tolist() == [-0.125, 1.0]
    assert found.mode.tolist() == [-1.0, 1.0]
    assert found.deviation == pytest.approx([np.sqrt(0.5 * 0.875**2 + 0.25 * (0.625**2 + 1.125**2)), 0.0])
    assert found.within(0.7).tolist() == [0.25, 1.0]
