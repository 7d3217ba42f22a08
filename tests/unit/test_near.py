"""Repeats among a sequence of texts: the first is kept; words of any script count."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.near import NEAR, earlier, normalized, repeats, trigrams


def same(a: str, b: str) -> bool:
    """The definition, pair by pair."""
    one, two = trigrams(a), trigrams(b)
    return normalized(a) == normalized(b) or len(one & two) / len(one | two) >= NEAR


@given(st.integers(0, 10_000))
def test_what_is_dropped_repeats_a_kept_text_and_nothing_kept_repeats_another(seed):
    """Sentences of few words over which a letter is changed now and then."""
    rng = random.Random(seed)
    words = ["connection", "lost", "during", "night", "backup", "server", "again"]
    texts = [" ".join(rng.choices(words, k=6)) for _ in range(12)]
    texts += [rng.choice(texts).replace("a", "e", 1) + " " * rng.randint(0, 1) for _ in range(12)]
    found = earlier(texts)
    for number, first in enumerate(found):
        kept = [other for other in range(number) if found[other] is None and same(texts[other], texts[number])]
        assert first == min(kept, default=None)


@pytest.mark.parametrize(
    ("a", "b", "again"),
    [
        ("Drucker im 3. Stock zieht kein Papier", "drucker im 3 stock, zieht kein Papier!", True),
        ("המדפסת לא עובדת", "הסורק לא עובד", False),
        ("Gehäuse überhitzt: Lüfter tot", "GEHÄUSE ÜBERHITZT, LÜFTER TOT", True),
        ("端末が起動しない", "画面が真っ暗です", False),
    ],
)
def test_words_of_any_script_count(a, b, again):
    assert repeats([a, b]) == [again, again]
    assert earlier([a, b]) == [None, 0 if again else None]


def test_no_texts_repeat_nothing():
    assert earlier([]) == repeats([]) == []
