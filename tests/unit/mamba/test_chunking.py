"""lib.mamba.chunking: whole sentences, never across paragraphs, never too long, and nothing is lost."""

from hypothesis import given
from hypothesis import strategies as st

from lib.mamba.chunking import Chunking, chunks

SENTENCE = "The quick brown fox jumps over the lazy dog."  # 9 words, 44 characters
SHORT = Chunking(words=20, max_chars=200, min_chars=1)
WORDS = st.text(alphabet="ab .!?", max_size=300)


def test_sentences_are_packed_up_to_a_quarter_above_the_words_asked_for():
    assert chunks([" ".join([SENTENCE] * 5)], SHORT) == [" ".join([SENTENCE] * 2)] * 2 + [SENTENCE]


def test_a_chunk_ends_with_its_paragraph():
    assert chunks([SENTENCE, SENTENCE], SHORT) == [SENTENCE, SENTENCE]


def test_a_sentence_longer_than_a_chunk_is_cut_at_its_last_blank():
    words = ["word"] * 60
    assert chunks([" ".join(words)], SHORT) == [" ".join(words[:40]), " ".join(words[40:])]


def test_a_word_longer_than_a_chunk_is_cut_anywhere():
    assert chunks(["x" * 450], SHORT) == ["x" * 200, "x" * 200, "x" * 50]


def test_blanks_and_line_ends_become_one_blank():
    assert chunks(["One\n  two.\tThree\u00a0four."], SHORT) == ["One two. Three four."]


def test_what_is_too_short_goes():
    assert chunks(["Too short.", SENTENCE], Chunking(20, 200, min_chars=11)) == [SENTENCE]


@given(st.lists(WORDS, max_size=4), st.integers(1, 30), st.integers(1, 60))
def test_nothing_is_lost_and_nothing_is_too_long(paragraphs, words, max_chars):
    found = chunks(paragraphs, Chunking(words, max_chars, 1))
    assert "".join("".join(found).split()) == "".join("".join(paragraphs).split())
    assert all(0 < len(chunk) <= max_chars for chunk in found)
