"""A grammar of JSON strings: no choice of tokens leaves it, and a string may end only by its quote or the limit."""

import json

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from lib.correlation import grammar, numbers
from lib.correlation.grammar import StringGrammar
from lib.errors import BadInput

WORDS = ["<end>", "a", "b ", '"', '",', "\\", "\n", "c\td", 'say "no"', "\u00e9", "{", "}", " "]


def tokenizer_of(words: list[str]) -> PreTrainedTokenizerFast:
    known = Tokenizer(models.WordLevel({word: at for at, word in enumerate(words)}, unk_token="<end>"))
    known.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=known, eos_token="<end>")


def test_what_needs_an_escape_is_not_inside_a_string():
    known = StringGrammar(tokenizer_of(WORDS), vocabulary=15)
    assert [word for word, inside in zip(WORDS, known.inside.tolist()) if inside] == [
        "a",
        "b ",
        "\u00e9",
        "{",
        "}",
        " ",
    ]
    assert known.inside[13:].tolist() == [False, False], "rows of the head that no token belongs to"
    assert WORDS[known.close] == '"'


@pytest.mark.parametrize("seed", range(20))
def test_random_models_write_json(seed):
    known = StringGrammar(tokenizer_of(WORDS), vocabulary=len(WORDS))
    generator = torch.Generator().manual_seed(seed)
    tokens = grammar.complete(known, lambda _: torch.randn(len(WORDS), generator=generator), limit=30)
    text = "".join(WORDS[token] for token in tokens)
    assert json.loads(f'{{"reasoning": "{text}"}}') == {"reasoning": text}


def test_the_likeliest_allowed_token_is_taken_until_the_quote():
    known = StringGrammar(tokenizer_of(WORDS), vocabulary=len(WORDS))
    scripts = iter([[6, 1], [2, 9], [4, 3]])  # the newline is refused for a, then b, then the quote for '",'
    fed = []

    def logits_after(new):
        fed.append(list(new))
        best, second = next(scripts)
        return torch.zeros(len(WORDS)).index_put((torch.tensor([best, second]),), torch.tensor([2.0, 1.0]))

    assert grammar.complete(known, logits_after, limit=10) == [1, 2]
    assert fed == [[], [1], [2]]


def test_a_string_begins_with_something_to_read():
    """Were it for the model, it would close at once, and else begin with a blank."""
    known = StringGrammar(tokenizer_of(WORDS), vocabulary=len(WORDS))
    closing = torch.zeros(len(WORDS)).index_put((torch.tensor([3, 12, 10]),), torch.tensor([3.0, 2.0, 1.0]))
    assert grammar.complete(known, lambda _: closing, limit=10) == [10]


def test_a_limit_ends_what_would_not_end():
    known = StringGrammar(tokenizer_of(WORDS), vocabulary=len(WORDS))
    assert grammar.complete(known, lambda _: torch.eye(len(WORDS))[1], limit=7) == [1] * 7


def test_a_tokenizer_that_cannot_write_numbers_is_refused():
    with pytest.raises(BadInput, match="its tokenizer has no token for each digit"):
        numbers.of(tokenizer_of(WORDS))


def test_a_tokenizer_that_cannot_close_a_string_is_refused():
    with pytest.raises(BadInput, match="its tokenizer has no token for a quote"):
        StringGrammar(tokenizer_of(["<end>", "a"]), vocabulary=2)
