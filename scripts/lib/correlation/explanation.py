"""Why a pair may move as predicted, composed from its titles and the known pairs it resembles; nothing is invented."""

import numpy as np

from . import prompt
from .evidence import Evidence
from .facts import frames
from .reasoning import relation


def compose(evidence: Evidence, row: int) -> str:
    """A sentence: how the two are related by wording, and what the nearest known pairs did."""
    a, b, known = evidence.a_titles[row], evidence.b_titles[row], evidence.neighbours[row]
    stratum = "same_event" if {*frames(a)} & {*frames(b)} else "near"
    said = relation((a, b), stratum, dict(evidence.facts[row]))
    if known:
        mean = np.mean([pair["correlation"] for pair in known])
        nearest = f"{known[0]['a_title']} / {known[0]['b_title']} (r = {known[0]['correlation']:+.2f})"
        said += f"; the {len(known)} nearest known pairs average r = {mean:+.2f}, the nearest is {nearest}"
    return prompt.plain(f"{said}.")
