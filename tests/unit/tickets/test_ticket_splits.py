"""Who trains and who judges: repeats, sizes, and whole families on one side."""

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.errors import BadInput
from lib.tickets import foreign, splits
from lib.tickets.source import Ticket

SIZES = splits.Sizes(min_group=3, test_share=0.36, validation_share=0.13, seed=1)


def ticket(number: int, label: str | None, family: str | None = None, text: str | None = None) -> Ticket:
    text = text or f"ticket {number} says {number * 7919 % 10007} of {label}"
    return Ticket(f"T{number:04d}", text, text, label, family or label, "")


@pytest.fixture(scope="module")
def many() -> list[Ticket]:
    """77 labels of three to twenty tickets, some in families of two labels, and a background."""
    tickets = []
    for label in range(77):
        family = f"family {label // 2}" if label < 20 else f"label {label}"
        tickets += [ticket(1000 + 20 * label + at, f"label {label}", family) for at in range(3 + label % 18)]
    return tickets + [ticket(number, None) for number in range(200)]


def test_of_repeats_one_stays_a_labelled_one_if_there_is_one():
    tickets = [
        ticket(1, None, text="The printer on floor 3 jams"),
        ticket(2, "a", text="the printer, on floor 3, JAMS"),
        ticket(3, "b", text="Jams: the printer on floor 3!"),
        ticket(4, "b", text="The scanner on floor 3 jams"),
    ]
    kept, dropped = splits.without_repeats(tickets)
    assert [one.id for one in kept] == ["T0002", "T0004"]
    assert dropped == {"repeats": 2, "repeats_with_another_label": 2}


@given(st.lists(st.integers(3, 60), max_size=12), st.integers(0, 400))
def test_the_common_size_is_the_largest_that_fits(counts, room):
    cut = splits.common_size(counts, room, 3)
    fits = [size for size in range(3, 61) if sum(min(count, size) for count in counts) <= room]
    assert min(cut, max(counts, default=3)) == min(max(fits, default=3), max(counts, default=3))


def test_labels_and_background_are_cut_to_their_budget(many):
    kept, dropped = splits.resize(many, replace(SIZES, max_labelled=500, max_unlabelled=50))
    counts = Counter(one.label for one in kept)
    assert counts.pop(None) == 50
    assert len(counts) == 77 and sum(counts.values()) <= 500
    full = Counter(one.label for one in many)
    assert all(counts[label] == min(full[label], max(counts.values())) for label in counts)
    assert len(many) == len(kept) + sum(dropped.values())


def test_whole_families_go_where_even_the_least_is_too_much(many):
    kept, _ = splits.resize(many, replace(SIZES, max_labelled=60, max_unlabelled=0))
    assert 40 <= len(kept) <= 60
    full = {one.family for one in many}
    for family in {one.family for one in kept}:
        labels = {one.label for one in many if one.family == family}
        assert labels == {one.label for one in kept if one.family == family}
    assert len({one.family for one in kept}) < len(full)


def test_a_thin_label_is_no_label():
    kept, _ = splits.resize([ticket(1, "a"), ticket(2, "a"), *(ticket(at, "b") for at in (3, 4, 5))], SIZES)
    assert Counter(one.label for one in kept) == {None: 2, "b": 3}
    assert {one.family for one in kept if one.label is None} == {"a"}  # it may teach


def test_tickets_without_a_label_stay_evenly_from_all_families_and_take_their_side(many):
    thin = [ticket(3000 + at, None, f"family {at % 3}") for at in range(30)]
    kept, _ = splits.resize(many + thin, replace(SIZES, max_unlabelled=15))
    families = Counter(one.family for one in kept if one.label is None)
    assert families == {"family 0": 5, "family 1": 5, "family 2": 5}
    kept, _ = splits.resize(many + thin, replace(SIZES, max_unlabelled=40))
    assert Counter(one.family for one in kept if one.label is None)[None] == 10
    sides = {(one.family, side) for one, side in zip(kept, splits.assign(kept, SIZES)) if one.family}
    assert len(sides) == len({family for family, _ in sides})


def test_28_of_77_labels_test_and_whole_families_stay_together(many):
    alone = [one._replace(family=one.label) for one in many]
    sides = splits.assign(alone, SIZES)
    of_label = {one.label: side for one, side in zip(alone, sides) if one.label}
    assert Counter(of_label.values()) == {"train": 39, "validation": 10, "test": 28}
    assert {side for one, side in zip(alone, sides) if one.label is None} == {"train"}
    in_families = splits.assign(many, SIZES)
    pairs = {(one.family, side) for one, side in zip(many, in_families) if one.family}
    assert len(pairs) == len({family for family, _ in pairs})


def test_the_split_is_a_function_of_tickets_and_seed_not_of_their_order(many):
    sizes = replace(SIZES, max_labelled=500, max_unlabelled=50)

    def split(tickets, seed):
        kept, _ = splits.resize(tickets, replace(sizes, seed=seed))
        sides = splits.assign(kept, replace(sizes, seed=seed))
        return {one.id: side for one, side in zip(kept, sides)}, splits.split_hash(kept, sides)

    shuffled = random.Random(1).sample(many, len(many))
    assert split(many, 1) == split(shuffled, 1)
    assert split(many, 1)[1] != split(many, 2)[1]


def test_too_few_labels_are_refused():
    tickets = [ticket(10 * label + at, f"label {label}") for label in range(5) for at in range(3)]
    with pytest.raises(BadInput, match="5 labels or families with 3 tickets or more, expected at least 2 in each"):
        splits.assign(tickets, SIZES)
    tickets += [ticket(100 + at, "label 5") for at in range(3)]
    assert Counter(splits.assign(tickets, SIZES)) == {"train": 6, "validation": 6, "test": 6}


def test_the_foreign_domain_is_small_and_in_whole_groups():
    table = foreign.texts()
    sizes = Counter(table["group"])
    assert 400 <= len(table) <= foreign.MOST
    assert min(sizes.values()) >= foreign.SMALLEST
    assert table["text"].n_unique() == len(table)
