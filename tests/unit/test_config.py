"""lib.config: what a schema refuses and how it says so; flags that argparse reads back."""

import argparse
import json
import math
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusals import refused

from lib import config
from lib.cli import json_value

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "learning_rate": {"type": "number", "exclusiveMinimum": 0},
        "batch_size": {"type": "integer", "minimum": 1},
        "levels": {"type": "array", "items": {"type": "integer"}},
        "stage": {"type": "object", "additionalProperties": False, "properties": {"warmup_ratio": {"maximum": 1}}},
        "choice": {"description": "exactly one of a and b", "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
    },
}


@pytest.fixture(autouse=True)
def schema(tmp_path, monkeypatch):
    (tmp_path / "test.json").write_text(json.dumps(SCHEMA))
    monkeypatch.setattr(config, "SCHEMAS", tmp_path)


def test_what_is_allowed_passes():
    config.check({"learning_rate": 1, "batch_size": 8, "levels": [5, 6], "stage": {"warmup_ratio": 0.1}}, "test")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"batch_sise": 8}, "config: top level: unknown key 'batch_sise', did you mean 'batch_size'?"),
        ({"zzz": 8}, "config: top level: unknown key 'zzz'"),
        ({7: 8}, "config: top level: unknown key '7'"),
        ({"stage": {"warmup": 0}}, "config: stage: unknown key 'warmup', did you mean 'warmup_ratio'?"),
        ({"stage": {"warmup_ratio": 2}}, "config: stage.warmup_ratio: 2 is greater than the maximum of 1"),
        (
            {"learning_rate": "1e-4"},
            "config: learning_rate: '1e-4' is text, expected number (write 1.0e-4, not 1e-4)",
        ),
        ({"levels": "5"}, "config: levels: '5' is text, expected array"),
        ({"learning_rate": 0}, "config: learning_rate: 0 is less than or equal to the minimum of 0"),
        ({"learning_rate": math.nan}, "config: learning_rate: nan is not of type 'number'"),
        ({"learning_rate": math.inf}, "config: learning_rate: inf is not of type 'number'"),
        ({"learning_rate": True}, "config: learning_rate: True is not of type 'number'"),
        ({"batch_size": 8.0}, "config: batch_size: 8.0 is not of type 'integer'"),
        ({"levels": [5, "6"]}, "config: levels.1: '6' is text, expected integer"),
        ({"choice": {"a": 1, "b": 2}}, "config: choice: expected exactly one of a and b"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(wrong, said):
    assert refused(config.check, wrong, "test") == said


def test_flags_is_one_canonical_string():
    train = {"batch_size": 8, "amp": True, "cache": False, "limit": None, "levels": [5, 6], "warmup_ratio": 0}
    assert config.flags({"naics": {"train": train}}, "naics", "train") == (
        "--amp --batch-size 8 --levels '[5, 6]' --warmup-ratio 0"
    )
    assert config.flags(dict(sorted(train.items(), reverse=True))) == config.flags(train)


@given(
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    st.lists(st.integers()),
    st.dictionaries(st.text("ab'\" $", max_size=3), st.integers()),
    st.booleans(),
)
def test_a_shell_and_argparse_read_back_what_was_configured(whole, ratio, text, levels, weights, amp):
    values = {"whole": whole, "ratio": ratio, "some_text": text, "levels": levels, "weights": weights, "amp": amp}
    parser = argparse.ArgumentParser()
    parser.add_argument("--whole", type=int)
    parser.add_argument("--ratio", type=float)
    parser.add_argument("--some-text")
    parser.add_argument("--levels", type=json_value)
    parser.add_argument("--weights", type=json_value)
    parser.add_argument("--amp", action="store_true")
    assert vars(parser.parse_args(shlex.split(config.flags(values)))) == values
