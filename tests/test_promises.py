"""The list of promises fits the tree: broken_promises.py finds what it breaks and the tests that should fall."""

from pathlib import Path

import pytest
from promises import PROMISES

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("one", PROMISES, ids=lambda one: one.says)
def test_the_line_that_keeps_a_promise_stands_once_and_its_tests_are_there(one):
    assert (ROOT / one.file).read_text().count(one.kept) == 1
    assert [path for path in one.tests.split() if not (ROOT / path).is_file()] == []
