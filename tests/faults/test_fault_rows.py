"""No row of the table of faults is without a test, and no test names a row that is not there."""

from collections import defaultdict

import pytest
from faults import table

NAMED: dict[tuple[int, str], list[str]] = defaultdict(list)
for test, path in table.tests():
    for named in table.rows_of(test):
        NAMED[named, table.owner(path)].append(test)


@pytest.mark.parametrize("number", table.ROWS)
def test_a_row_has_a_test_of_everybody_whom_it_concerns(number):
    assert [who for who in table.ROWS[number].concerns if not NAMED[number, who]] == []


def test_there_are_28_rows_and_no_test_names_another():
    assert list(table.ROWS) == list(range(1, 29))
    assert {row for row, _ in NAMED} <= set(table.ROWS)


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("test_row_7_queries", [7]),
        ("test_rows_2_5_7_9_what", [2, 5, 7, 9]),
        ("test_rows_11_and_12_a_file", [11, 12]),
        ("test_rows_7_8_and_13_files", [7, 8, 13]),
        ("test_rows_11_to_13_articles", [11, 12, 13]),
        ("test_rows_of_label_0_become", []),
        ("test_a_row_is_missing", []),
    ],
)
def test_a_name_says_its_rows(name, rows):
    assert table.rows_of(name) == rows
