"""lib.tickets.sampler: three phases, one pair a label, every pair, and the same batch for the same step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.errors import BadInput
from lib.tickets.sampler import Sampler, _ends

GROUPS = np.repeat(np.arange(20), np.arange(1, 21)) % 20  # label i has i + 1 pairs
PHASES = np.resize([1, 2, 2, 3], len(GROUPS))


def sampler(**changes) -> Sampler:
    knobs = {"order": "curriculum", "batch_size": 8, "steps": 60, "seed": 1} | changes
    return Sampler(GROUPS, PHASES, **knobs)


def phases_seen(made: Sampler, steps: int = 60) -> list[set[int]]:
    return [set(PHASES[made.batch(step)]) for step in range(steps)]


def test_phases_come_in_order_and_in_proportion_to_their_pairs():
    seen = phases_seen(sampler())
    order = [number for step in seen for number in step]
    assert all(len(step) == 1 for step in seen)
    assert order == sorted(order)
    shares = [order.count(number) / 60 for number in (1, 2, 3)]
    assert shares == pytest.approx([(number == PHASES).mean() for number in (1, 2, 3)], abs=2 / 60)


def test_the_ablations_have_as_many_steps():
    assert set.union(*phases_seen(sampler(order="shuffled"))) == {1, 2, 3}
    assert any(len(step) > 1 for step in phases_seen(sampler(order="shuffled")))
    assert set.union(*phases_seen(sampler(order="hard_only"))) == {3}


@pytest.mark.parametrize("order", ["curriculum", "shuffled", "hard_only"])
def test_no_label_stands_twice_in_a_batch(order):
    made = sampler(order=order)
    for step in range(60):
        rows = made.batch(step)
        assert len(set(GROUPS[rows])) == len(rows) == 8


def test_a_batch_is_a_function_of_seed_and_step():
    first, again, other = sampler(), sampler(), sampler(seed=2)
    assert first.batch(7).tolist() == again.batch(7).tolist() != first.batch(8).tolist()
    assert first.batch(7).tolist() != other.batch(7).tolist()


def test_every_pair_has_its_turn():
    made = sampler(order="shuffled", steps=600)
    assert set(np.concatenate([made.batch(step) for step in range(600)])) == set(range(len(GROUPS)))


def test_row_18_fewer_labels_than_a_batch_is_said(capsys):
    made = sampler(batch_size=64)
    pairs, labels = (PHASES == 1).sum(), len(set(GROUPS[PHASES == 1]))
    assert len(made.batch(0)) == labels
    line = f"phase easy: {pairs} pairs of {labels} labels; batches hold {labels} pairs, one a label, rather than 64"
    assert line in capsys.readouterr().err.splitlines()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"steps": 2}, "steps 2: 3 phases need at least one step each"),
        ({"order": "reversed"}, "curriculum 'reversed': expected one of curriculum, shuffled, hard_only"),
    ],
)
def test_what_cannot_be_sampled(changes, said):
    with pytest.raises(BadInput, match=f"^{said}$"):
        sampler(**changes)


def test_row_14_an_empty_phase():
    with pytest.raises(BadInput, match=r"^phase medium: no pairs, expected some in each of easy, medium, hard$"):
        Sampler(GROUPS, np.where(PHASES == 2, 1, PHASES), "curriculum", 8, 60, 1)


def test_one_label_alone_has_no_negatives():
    with pytest.raises(BadInput, match=r"^phase hard: 1 label among its pairs, expected at least 2$"):
        Sampler(np.where(PHASES == 3, 0, GROUPS), PHASES, "curriculum", 8, 60, 1)


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=3), st.integers(3, 400))
def test_every_phase_has_a_step_and_the_last_ends_with_the_run(sizes, steps):
    ends = _ends(sizes, steps)
    assert ends[-1] == steps
    assert all(a < b for a, b in zip([0, *ends], ends))
