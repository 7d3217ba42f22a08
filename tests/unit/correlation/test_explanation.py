"""Reasoning composed where no language model writes it: facts of the titles and of known pairs, and nothing else."""

import json

from lib.correlation import explanation
from lib.correlation.evidence import Evidence
from lib.correlation.facts import facts

A, B = "Will the Red candidate win Iowa?", "Will the Blue candidate win Iowa?"


def composed(neighbours: list[dict[str, object]]) -> str:
    return explanation.compose(Evidence([A], [B], [facts(A, B)], [neighbours]), 0)


def test_it_says_how_the_two_are_related_and_what_the_nearest_did():
    known = [
        {"a_title": 'Will "X" win?', "b_title": "Will Y win?", "correlation": -0.5, "distance": 0.1},
        {"a_title": "Will V win?", "b_title": "Will W win?", "correlation": 0.1, "distance": 0.2},
    ]
    said = composed(known)
    assert said.startswith("Exclusive outcomes of one event; the 2 nearest known pairs average r = -0.20")
    assert said.endswith("the nearest is Will 'X' win? / Will Y win? (r = -0.50).")
    assert json.loads(f'{{"reasoning": "{said}"}}') == {"reasoning": said}


def test_without_known_pairs_it_says_what_the_titles_say():
    assert composed([]) == "Exclusive outcomes of one event."
