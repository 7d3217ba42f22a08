"""The learning rate as a function of the step: against transformers, and where runs chain."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from transformers import get_cosine_schedule_with_warmup

from lib import training
from lib.training import Settings


@given(st.integers(2, 500), st.floats(0, 0.9))
def test_the_decay_is_the_cosine_of_transformers(steps, ratio):
    warmup = int(ratio * steps)
    ours = Settings(steps, 1e-3, seed=1, warmup_ratio=warmup / steps)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1e-3)
    theirs = get_cosine_schedule_with_warmup(optimizer, warmup, steps).lr_lambdas[0]
    for step in {warmup, (warmup + steps) // 2, steps - 1}:
        assert training.rate(ours, step) == pytest.approx(1e-3 * theirs(step), rel=1e-6, abs=1e-12)


def test_warm_up_hold_and_floor():
    shape = Settings(100, 1.0, seed=1, warmup_ratio=0.1, hold_ratio=0.4, floor_ratio=0.2)
    rates = [training.rate(shape, step) for step in range(100)]
    assert rates[:10] == pytest.approx([(step + 1) / 11 for step in range(10)])
    assert rates[10:51] == pytest.approx([1.0] * 41)
    assert rates[75] == pytest.approx(0.2 + 0.8 / 2)
    assert all(high > low > 0.2 for high, low in itertools.pairwise(rates[51:]))
    assert training.rate(shape, 100) == pytest.approx(0.2)


def test_a_run_can_start_where_another_ended():
    first = Settings(10, 0.4, seed=1, floor_ratio=0.5)
    second = Settings(10, 0.4, seed=1, warmup_ratio=0.0, start_ratio=0.5, floor_ratio=0.1)
    assert training.rate(second, 0) == training.rate(first, 10) == pytest.approx(0.2)
    assert training.rate(second, 10) == pytest.approx(0.04)
