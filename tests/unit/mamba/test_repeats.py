"""lib.mamba.repeats finds what lib.near finds, without comparing all with all."""

import numpy as np

from lib import near
from lib.mamba import repeats

RNG = np.random.default_rng(1)
VOCABULARY = ["".join(RNG.choice(list("abcdefghijklmnopqrstuvwxyz"), size=RNG.integers(2, 10))) for _ in range(800)]


def sentence(length: int) -> list[str]:
    return [str(word) for word in RNG.choice(VOCABULARY, size=length)]


def edited(words: list[str], edits: int) -> list[str]:
    changed = list(words)
    for place in RNG.choice(len(words), size=edits, replace=False):
        changed[place] = str(RNG.choice(VOCABULARY))
    return changed


def little_world() -> list[str]:
    """Distinct texts, exact copies, other orders of words, and copies with one to six other words."""
    texts = []
    for length in (3, 6, 20, 60, 75):
        for _ in range(30):
            words = sentence(length)
            texts += [" ".join(words), " ".join(words).title() + "."]
            texts += [" ".join(edited(words, edits)) for edits in (1, 2, 3, 4, 6) if edits < length]
            texts += [" ".join(RNG.permutation(words))]
    return [texts[at] for at in RNG.permutation(len(texts))]


def test_the_same_texts_are_kept_as_by_comparing_all_pairs():
    texts = little_world()
    expected, found = near.earlier(texts), repeats.earlier(texts)
    assert found == expected
    assert 100 < sum(number is not None for number in expected) < len(texts)


def test_blank_and_wordless_texts():
    texts = ["", "...", "one", "One!", "", "two"]
    assert repeats.earlier(texts) == near.earlier(texts) == [None, 0, None, 2, 0, None]


def test_texts_of_nothing_in_common_are_not_compared(monkeypatch):
    """By all pairs these would be two million comparisons."""
    compared = []
    alike = repeats._alike
    monkeypatch.setattr(repeats, "_alike", lambda one, other: compared.append(one) or alike(one, other))
    assert set(repeats.earlier([" ".join(sentence(40)) for _ in range(2000)])) == {None}
    assert len(compared) < 20
