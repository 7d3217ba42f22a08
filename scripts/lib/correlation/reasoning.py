"""Why two contracts move as they do, composed from what is known of them; nothing in it is invented."""

from .source import Measured

WINS = frozenset(["win", "wins", "winner"])


def compose(pair: Measured, titles: tuple[str, str], stratum: str, facts: dict[str, float]) -> str:
    """A sentence: how the two are related by event and wording, and what was measured."""
    related = relation(titles, stratum, facts)
    measured = f"r = {pair.correlation:+.2f}"
    if pair.days is not None:
        measured += f" over {pair.days} days"
    if pair.error is not None:
        low, high = (max(-1.0, min(1.0, pair.correlation + side * 1.96 * pair.error)) for side in (-1, 1))
        measured += f", 95 % interval {low:+.2f} to {high:+.2f}"
    return f"{related}; {measured}."


def relation(titles: tuple[str, str], stratum: str, facts: dict[str, float]) -> str:
    """How two titles are related, from their stratum and FACTS: words without a number."""
    if facts["number_slot"]:
        return "One question with two numbers or dates"
    if stratum == "same_event":
        won = all(WINS & set(title.lower().split()) for title in titles)
        return "Exclusive outcomes of one event" if won and facts["subject_slot"] else "Two outcomes of one event"
    subject = " with the same subject" if facts["same_subject"] else ""
    sides = " on opposite sides" if facts["opposed"] else ""
    wording = "Related" if stratum == "near" else "Unrelated"
    return f"{wording} events{subject}{sides}"
