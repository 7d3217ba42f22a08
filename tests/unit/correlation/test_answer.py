"""Answers as the API renders them."""

import json

from hypothesis import given
from hypothesis import strategies as st

from lib.correlation.answer import Answer
from lib.correlation.dataset import type_of

KEYS = ["underlying_correlation", "correlation_type", "confidence", "interval"]


@given(st.floats(-1, 1), st.floats(0, 1), st.tuples(st.floats(-1, 1), st.floats(-1, 1)), st.none() | st.text())
def test_an_answer_is_json_and_its_type_never_contradicts_its_number(number, confidence, interval, words):
    told = json.loads(Answer(number, confidence, interval, words).json())
    assert list(told) == KEYS + ([] if words is None else ["reasoning"])
    assert told["correlation_type"] == type_of(told["underlying_correlation"])
    assert abs(told["underlying_correlation"] - number) <= 0.005 + 1e-9
    assert told.get("reasoning") == words


def test_what_rounds_to_nothing_has_no_sign():
    assert Answer(-0.001, 0.5, (-0.004, 0.0)).json() == (
        '{"underlying_correlation": 0.0, "correlation_type": "neutral", "confidence": 0.5, "interval": [0.0, 0.0]}'
    )
