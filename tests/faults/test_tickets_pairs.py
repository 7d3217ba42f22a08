"""Faults of a file of ticket pairs, whoever wrote it: one line that names what is wrong.

The number in a test's name is its row in the table of faults.
"""

import json

import pytest
from refusals import refused

from lib.tickets import pairs


def given(**changes: object) -> dict[str, object]:
    columns = {"texts1": list("abcdef"), "texts2": list("ABCDEF"), "labels": [1] * 6}
    return columns | {"phase_indicators": [1, 1, 2, 2, 3, 3]} | changes


def pairs_refused(tmp_path, content: object) -> str:
    path = tmp_path / "pairs.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return refused(pairs.read, path).removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"texts1": ["\xfc"]}', "not UTF-8 at byte 13"),
        (b'{"texts1": ["a", "b"', "line 1 column 21: Expecting ',' delimiter"),
        (b'{"labels": [1, NaN]}', "NaN is not JSON, expected a finite number or null"),
        (b'{"labels": [1], "labels": [1]}', "key 'labels' stands twice in one object"),
        (b"[]", "top level: list, expected an object with texts1, texts2, labels, phase_indicators"),
    ],
)
def test_rows_11_and_12_a_file_that_is_no_json(tmp_path, content, said):
    assert pairs_refused(tmp_path, content) == said


@pytest.mark.parametrize("name", pairs.COLUMNS)
def test_row_13_a_missing_column(tmp_path, name):
    content = {key: value for key, value in given().items() if key != name}
    assert pairs_refused(tmp_path, content) == f"missing {name}, expected {', '.join(pairs.COLUMNS)}"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"phase_indicators": [1, 1, 2, 2, 3]}, "6 labels but 5 phases, expected one of each a row"),
        ({"texts2": list("ABC")}, "6 labels but 3 texts2, expected one of each a row"),
        ({"texts3": [None]}, "6 labels but 1 texts3, expected one of each a row"),
        ({"phase_indicators": [1, 1, 2, 2, 3, 4]}, "row 5: phase 4, expected 1, 2 or 3"),
        ({"phase_indicators": [1, 1, 2, 2, 3, "3"]}, "row 5: phase '3', expected 1, 2 or 3"),
        (
            {"phase_indicators": [1, 1, 3, 3, 3, 3]},
            "phase 2 (medium) has no pairs, expected some in each of 1, 2 and 3",
        ),
        ({"phase_indicators": "112233"}, "phase_indicators: str, expected a list"),
        ({"metadata": {"groups": ["a"]}}, "1 groups, expected 6 in metadata.groups, one a row"),
    ],
)
def test_row_14_phases_and_lengths(tmp_path, changes, said):
    assert pairs_refused(tmp_path, given(**changes)) == said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"texts1": [*"abcde", " "]}, "row 5: texts1 is ' ', expected a text that is not empty"),
        ({"texts2": [*"ABCDE", None]}, "row 5: texts2 is None, expected a text that is not empty"),
        ({"texts3": [None, None, None, "", None, None]}, "row 3: texts3 is '', expected a text that is not empty"),
        ({"labels": [1, 1, 1, 1, 1, 0.5]}, "row 5: label 0.5, expected 0 or 1"),
        ({"labels": [1, 1, 1, 1, 1, True]}, "row 5: label True, expected 0 or 1"),
        ({"labels": [0] * 6}, "all 6 labels are 0, expected pairs with label 1"),
        (
            {"labels": [1, 1, 1, 1, 0, 0]},
            "2 of 2 rows with label 0 share their texts1 with no row of label 1, the first is 'e'; "
            "expected hard negatives in texts3",
        ),
    ],
)
def test_row_16_texts_and_labels(tmp_path, changes, said):
    assert pairs_refused(tmp_path, given(**changes)) == said
