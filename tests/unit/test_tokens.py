"""lib.tokens: ids as the tokenizer gives them, kept under what they were made of."""

import numpy as np
import pytest
from tiny_naics import write_encoder
from transformers import AutoTokenizer

from lib import tokens
from lib.errors import BadInput

TEXTS = ["Electric power generation", "", "Schools, colleges (and universities)", "x" * 90, "Electric power generation"]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return AutoTokenizer.from_pretrained(write_encoder(tmp_path_factory.mktemp("encoder")))


def rows_of(stored: tokens.Tokens) -> list[list[int]]:
    return [stored.ids[first:last].tolist() for first, last in zip(stored.offsets, stored.offsets[1:])]


def test_ids_are_the_tokenizers(tokenizer):
    found = rows_of(tokens.tokenize(tokenizer, TEXTS, 12))
    assert found == [tokenizer(text, truncation=True, max_length=12)["input_ids"] for text in TEXTS]
    ends = {(tokenizer.cls_token_id, tokenizer.sep_token_id)}
    assert {(row[0], row[-1]) for row in found} == ends, "special tokens also where a text was cut"
    assert (len(found[1]), len(found[3])) == (2, 12)


def test_a_batch_of_rows_in_any_order(tokenizer):
    stored = tokens.tokenize(tokenizer, TEXTS, 12)
    rows = np.array([4, 0, 4])
    expected = [rows_of(stored)[row] for row in rows]
    assert stored.batch(rows).tolist() == expected
    assert stored.ids[stored.positions(rows)].tolist() == expected


def test_the_cache_gives_back_what_was_put_in(tokenizer, tmp_path, monkeypatch):
    first = tokens.cached(tmp_path, tokenizer, TEXTS, 12)
    monkeypatch.setattr(tokens, "tokenize", None)  # a hit tokenizes nothing
    again = tokens.cached(tmp_path, tokenizer, TEXTS, 12)
    assert rows_of(again) == rows_of(first)
    assert (again.ids.dtype, again.offsets.dtype, len(again)) == (np.int32, np.int64, len(TEXTS))


def test_what_was_asked_before_does_not_count(tokenizer, tmp_path):
    """A call leaves its truncation behind in the tokenizer; the name must not depend on it."""
    tokens.cached(tmp_path, tokenizer, TEXTS, 12)
    tokens.tokenize(tokenizer, TEXTS, 5)
    tokens.cached(tmp_path, tokenizer, TEXTS, 12)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "texts",
    [
        [*TEXTS[:-1], "Electric power generatio"],
        TEXTS[::-1],
        TEXTS[:-1],
        ["Electric power", " generation", *TEXTS[1:]],
    ],
)
def test_other_texts_are_another_file(tokenizer, tmp_path, texts):
    tokens.cached(tmp_path, tokenizer, TEXTS, 12)
    found = tokens.cached(tmp_path, tokenizer, texts, 12)
    assert len(list(tmp_path.iterdir())) == 2
    assert rows_of(found) == rows_of(tokens.tokenize(tokenizer, texts, 12))


def test_another_length_is_another_file(tokenizer, tmp_path):
    lengths = [tokens.cached(tmp_path, tokenizer, TEXTS, length).lengths.max() for length in (12, 13)]
    assert lengths == [12, 13]
    assert len(list(tmp_path.iterdir())) == 2


def test_another_tokenizer_is_another_file(tokenizer, tmp_path):
    write_encoder(tmp_path / "model")
    other = AutoTokenizer.from_pretrained(tmp_path / "model")
    other.add_tokens(["colleg"])
    cache = tmp_path / "cache"
    rows = [rows_of(tokens.cached(cache, each, TEXTS, 12)) for each in (tokenizer, other)]
    assert rows[0] != rows[1]
    assert len(list(cache.iterdir())) == 2


def test_row_2_a_damaged_file_is_refused_by_name(tokenizer, tmp_path):
    tokens.cached(tmp_path, tokenizer, TEXTS, 12)
    (file,) = tmp_path.iterdir()
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(BadInput, match=f"{file.name}: content differs from its sha256, the file is damaged"):
        tokens.cached(tmp_path, tokenizer, TEXTS, 12)
