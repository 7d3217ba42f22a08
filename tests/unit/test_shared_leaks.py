"""lib.leaks: what stands in two splits is counted as a group-by counts it, and the first is shown."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st
from refusals import refused

from lib import leaks

SIDES = st.lists(st.tuples(st.sampled_from(["a", "b", "c", None]), st.sampled_from(["train", "test"])))


@given(SIDES)
def test_row_10_what_stands_in_two_splits_is_counted_and_the_first_is_shown(sides):
    splits = defaultdict(set)
    for value, split in sides:
        splits[value].add(split)
    both = [value for value, of in splits.items() if value is not None and len(of) > 1]
    if both:
        said = f"x.parquet: {len(both)} groups are on two sides of the split, the first is {both[0]!r}"
        assert refused(leaks.refuse, "groups", sides, "x.parquet") == said
    else:
        leaks.refuse("groups", sides, "x.parquet")


def test_a_long_example_is_cut():
    sides = [("word " * 100, "train"), ("word " * 100, "test")]
    assert refused(leaks.refuse, "texts", sides, "x").endswith(f"the first is {('word ' * 16)!r}")
