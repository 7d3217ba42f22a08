"""Reasoning under a grammar: whatever the weights say, the answer is a JSON object.

Of the answer {"underlying_correlation": ..., "reasoning": "..."} everything but the inside of the last string is
given. A string without escapes is a run of characters other than quotes, backslashes and control characters, so the
grammar is a set of allowed tokens and one token that closes the string.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ..errors import BadInput

FORBIDDEN = {'"', "\\", *map(chr, range(32)), "\x7f"}
INCOMPLETE = "\ufffd"  # what a token decodes to that holds a part of a character


class StringGrammar:
    """Which tokens may begin a JSON string and stand inside it, `(v,)` bool each, and the one that ends it, `close`.

    A string begins with something to read, so that there are words to every answer.
    """

    def __init__(self, tokenizer: Any, vocabulary: int) -> None:
        special = set(tokenizer.all_special_ids)
        texts = tokenizer.batch_decode([[token] for token in range(len(tokenizer))], skip_special_tokens=False)
        allowed = [bool(text) and not FORBIDDEN & set(text) and at not in special for at, text in enumerate(texts)]
        if '"' not in texts or not any(allowed):
            raise BadInput("correlation.model.model: its tokenizer has no token for a quote, expected one for JSON")
        self.close = texts.index('"')
        self.inside = torch.zeros(vocabulary, dtype=torch.bool)
        self.inside[: len(allowed)] = torch.tensor(allowed)
        readable = [bool(text.strip()) and INCOMPLETE not in text for text in texts]
        self.first = self.inside.clone()
        self.first[: len(readable)] &= torch.tensor(readable)

    def choose(self, logits: Tensor, first: bool) -> int:
        """The likeliest token that the grammar allows, of `(v,)` logits: greedy, so the same every time."""
        allowed = self.first if first else self.inside.index_fill(0, torch.tensor(self.close), True)
        return int(logits.float().cpu().masked_fill(~allowed, -torch.inf).argmax())


def complete(grammar: StringGrammar, logits_after: Callable[[Sequence[int]], Tensor], limit: int) -> list[int]:
    """Tokens of one string, from one to `limit`, without its end; `logits_after(new tokens)` advances the model."""
    tokens: list[int] = []
    fed: Sequence[int] = ()
    while len(tokens) < limit:
        token = grammar.choose(logits_after(fed), first=not tokens)
        if token == grammar.close:
            break
        tokens.append(token)
        fed = (token,)
    return tokens
