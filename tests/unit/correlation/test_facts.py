"""Lexical facts: symmetric, bounded, and right about titles that a person can check."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.correlation import facts

WORDS = st.sampled_from(
    [
        "Will",
        "the",
        "Red",
        "Blue",
        "candidate",
        "win",
        "lose",
        "Bern",
        "in",
        "by",
        "2024",
        "2028",
        "$100,000",
        "May",
        "30",
    ]
)
TITLES = st.lists(WORDS, min_size=1, max_size=10).map(" ".join)


@given(TITLES, TITLES)
def test_facts_do_not_depend_on_the_order_and_lie_between_0_and_1(a, b):
    told = facts.facts(a, b)
    assert told == facts.facts(b, a)
    assert tuple(told) == facts.FACTS
    assert all(0 <= value <= 1 for value in told.values())


@given(TITLES)
def test_a_title_shares_everything_with_itself_and_has_no_slot(title):
    told = facts.facts(title, title)
    assert told["same_start"] == told["same_end"] == told["same_subject"] == told["shared_trigrams"] == 1
    assert not any(told[name] for name in ("subject_slot", "object_slot", "number_slot", "opposed", "other_year"))


@pytest.mark.parametrize(
    ("a", "b", "slot"),
    [
        ("Will Ann Lee win the seat?", "Will Bob win the seat?", "subject_slot"),
        ("Will the Red candidate win Bern?", "Will the Blue candidate win Bern?", "subject_slot"),
        ("Will the Red candidate win Bern?", "Will the Red candidate win Thun?", "object_slot"),
        ("Will Gold reach $4,000 in May?", "Will Gold reach $5,000 in May?", "number_slot"),
        ("Will Gold fall by June 30, 2026?", "Will Gold fall by March 31, 2026?", "number_slot"),
        ("Will the Red candidate win Bern?", "Will the Blue candidate win Thun?", None),
        ("Will Gold fall?", "Is there life on Mars?", None),
    ],
)
def test_what_differs_in_one_place_is_a_slot(a, b, slot):
    told = facts.facts(a, b)
    assert [name for name in ("subject_slot", "object_slot", "number_slot") if told[name]] == [slot][: slot is not None]


@pytest.mark.parametrize(
    ("a", "b", "opposed"),
    [
        ("Will Gold close above 4,000?", "Will Gold close below 3,000?", 1),
        ("Will the Republican win Ohio?", "Will the Democrat win Iowa?", 1),
        ("Will the Fed cut rates?", "Will the Fed raise rates?", 1),
        ("Will Gold close above 4,000?", "Will Silver close above 40?", 0),
        ("Will Ann win?", "Will Bob win?", 0),
    ],
)
def test_opposites(a, b, opposed):
    assert facts.facts(a, b)["opposed"] == opposed


def test_numbers_and_dates():
    told = facts.facts("Will Gold reach $4,000 in May 2026?", "Will Silver reach $40 in May 2027?")
    assert told["both_have_numbers"] == 1 and told["shared_numbers"] == 0
    assert told["other_year"] == 1 and told["same_year"] == 0
    assert told["same_month"] == 1


def test_outcomes_of_one_question_share_a_frame_and_others_do_not():
    def related(a, b):
        return bool({*facts.frames(a)} & {*facts.frames(b)})

    assert related("Will Ann win the 2028 nomination?", "Will Bob Fox win the 2028 nomination?")
    assert related("Will Gold reach $4,000 in May?", "Will Gold reach $5,000 by June?") is False
    assert related("Will Gold reach $4,000 in May?", "Will Gold reach $5,000 in June?")
    assert not related("Will Ann win the 2028 nomination?", "Will Ann win the 2028 election?")


def test_the_matrix_has_a_row_a_pair_in_the_order_of_the_names():
    matrix = facts.matrix(["Will Ann win?", "Will it rain?"], ["Will Bob win?", "Will it rain?"])
    assert matrix.shape == (2, len(facts.FACTS))
    assert matrix[0].tolist() == list(facts.facts("Will Ann win?", "Will Bob win?").values())
    assert facts.matrix([], []).shape == (0, len(facts.FACTS))
