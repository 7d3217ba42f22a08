"""Words that follow from facts, and a type that follows from a number."""

import pytest

from lib.correlation import dataset, reasoning
from lib.correlation.facts import facts
from lib.correlation.source import Measured


@pytest.mark.parametrize(
    ("a", "b", "stratum", "said"),
    [
        ("Will Ann win the seat?", "Will Bob win the seat?", "same_event", "Exclusive outcomes of one event"),
        ("Will Ann leave the club?", "Will Bob leave the club?", "same_event", "Two outcomes of one event"),
        (
            "Will Gold reach $4,000 in May?",
            "Will Gold reach $5,000 in May?",
            "same_event",
            "One question with two numbers or dates",
        ),
        (
            "Will the Republican candidate win Ohio?",
            "Will the Democratic candidate win Iowa?",
            "near",
            "Related events on opposite sides",
        ),
        (
            "Will the Red candidate win Bern?",
            "Will the Red candidate win Thun?",
            "near",
            "Related events with the same subject",
        ),
        ("Will it rain in Rome?", "Will Gold reach $4,000?", "far", "Unrelated events"),
    ],
)
def test_the_relation_is_told_from_event_and_wording(a, b, stratum, said):
    assert reasoning.relation((a, b), stratum, facts(a, b)) == said
    assert reasoning.relation((b, a), stratum, facts(b, a)) == said


def test_what_was_measured_is_told_as_far_as_it_is_known():
    titles = ("Will it rain in Rome?", "Will Gold reach $4,000?")
    told = facts(*titles)
    whole = reasoning.compose(Measured("a", "b", 0.954, 0.05, 120), titles, "far", told)
    assert whole == "Unrelated events; r = +0.95 over 120 days, 95 % interval +0.86 to +1.00."
    assert reasoning.compose(Measured("a", "b", -0.1), titles, "far", told) == "Unrelated events; r = -0.10."


@pytest.mark.parametrize(
    ("correlation", "word"),
    [(-1, "negative"), (-0.3, "negative"), (-0.29, "neutral"), (0, "neutral"), (0.3, "positive"), (1, "positive")],
)
def test_a_type_is_its_number_s(correlation, word):
    assert dataset.type_of(correlation) == word
