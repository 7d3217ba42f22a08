"""lib.naics.retrieval against a loop over queries and codes."""

import numpy as np
import pytest

from lib.naics.retrieval import code_distances

RNG = np.random.default_rng(1)


def brute(to_codes, to_entries, columns):
    answer = np.empty_like(to_codes)
    for query, row in enumerate(to_codes):
        for code, own in enumerate(row):
            entries = [d for d, column in zip(to_entries[query], columns) if column == code]
            answer[query, code] = (own + min([own, *entries])) / 2
    return answer


@pytest.mark.parametrize("entries", [0, 1, 5, 40])
def test_it_is_a_loop_over_queries_and_codes(entries):
    to_codes, to_entries = RNG.random((6, 9)), RNG.random((6, entries))
    columns = RNG.integers(0, 9, entries)
    given = to_codes.copy()
    np.testing.assert_array_equal(code_distances(to_codes, to_entries, columns), brute(to_codes, to_entries, columns))
    np.testing.assert_array_equal(to_codes, given, err_msg="the caller's distances were changed")


def test_a_code_without_entries_or_with_far_ones_is_as_far_as_its_point():
    to_codes = np.array([[1.0, 2.0, 3.0]])
    found = code_distances(to_codes, np.array([[9.0, 1.0]]), np.array([0, 2]))
    np.testing.assert_array_equal(found, [[1.0, 2.0, 2.0]])
