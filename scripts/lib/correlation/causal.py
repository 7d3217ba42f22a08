"""A causal language model that reads a prompt and answers with a number, and with words if asked.

Training rows are [padding | prompt | answer | padding], so that every answer begins in one column; the LM head runs on
the answer's columns only. Reading rows are not padded at all, and what prompts begin with in common is read once: the
prefix of all of them, and what retrieval and facts say of both orders of a pair.
"""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .. import encoders
from ..compute import Compute
from ..errors import BadInput
from . import grammar, losses, numbers, prompt
from .evidence import Evidence
from .grammar import StringGrammar
from .losses import IGNORED
from .reader import Reader

Ids = NDArray[np.integer]
READ_TOKENS = 8192  # of a batch that is only read


class CausalReader(Reader):
    """A model, its tokenizer, and the number tokens between them."""

    def __init__(self, model: Any, tokenizer: Any, machine: Compute, max_length: int) -> None:
        super().__init__()
        self.model, self.tokenizer, self.machine, self.max_length = model, tokenizer, machine, max_length
        self.numbers = numbers.of(tokenizer)
        self.written = self.numbers.texts()
        self._known_prefix: Any = None
        start = tokenizer.bos_token_id
        self.prefix = ([] if start is None else [start]) + self._ids(prompt.PREFIX)
        if max_length <= len(self.prefix):
            least = len(self.prefix) + 1
            raise BadInput(f"correlation.model.max_length: {max_length} tokens, expected at least {least} for a prompt")
        self.grammar = StringGrammar(tokenizer, model.config.get_text_config().vocab_size)

    def inputs(self, evidence: Evidence) -> list[list[int]]:
        """Token ids of every pair after the prefix; what is too long loses its first, farthest neighbours."""
        room = self.max_length - len(self.prefix)
        return [self._ids(text)[-room:] for text in prompt.prompts(evidence, self.written)]

    def targets(self, correlations: NDArray[np.floating], reasonings: Sequence[str]) -> list[list[int]]:
        """Token ids that training teaches: the number, the reasoning, and the quote that ends it."""
        return [
            number + self._ids(prompt.rest(reasoning)) + [self.grammar.close]
            for number, reasoning in zip(self.numbers.ids(self.numbers.score(correlations)), reasonings)
        ]

    def teach(
        self, prompts: Sequence[list[int]], answers: Sequence[list[int]], scores: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(mean cross-entropy of the answers' tokens, expected correlations `(b,)`), both with gradient."""
        ids, mask, labels = (part.to(self.model.device) for part in self._columns(prompts, answers))
        places = (mask.cumsum(dim=1) - 1).clamp(min=0)
        with self.machine.autocast():
            logits = self.model(
                input_ids=ids, attention_mask=mask, position_ids=places, logits_to_keep=labels.shape[1] + 1
            ).logits[:, :-1]  # (b, answer, v): the last column of the prompt predicts the number
        known = self.numbers.to(self.model.device)
        of_numbers = torch.stack([logits[:, at, ids].float() for at, ids in enumerate(known.tokens)], dim=1)
        expected = known.taught(of_numbers, known.classes(scores.to(self.model.device)))
        return losses.generation(logits, labels), expected

    @torch.no_grad()
    def read(self, prompts: Sequence[list[int]]) -> NDArray[np.float64]:
        """Chance of every score for every prompt, `(n, s)`: one forward pass, and ten digits' branches of its cache."""
        known = self.numbers.to(self.model.device)
        chances = np.zeros((len(prompts), len(known.values)))
        order = np.array(sorted(range(len(prompts)), key=prompts.__getitem__), dtype=np.int64)
        for batch in encoders.length_batches(np.array([len(prompts[row]) for row in order]), READ_TOKENS):
            rows = order[batch]
            logits, cache = self._read(np.array([prompts[row] for row in rows]))
            tokens = known.tokens
            second = None
            if self.numbers.positions == 2:
                cache.batch_repeat_interleave(numbers.DIGITS)
                branches = tokens[0].repeat(len(rows))[:, None]  # (b * 10, 1)
                second = self._forward(branches.tolist(), cache)[0][:, tokens[1]].unflatten(0, (len(rows), -1))
            chances[rows] = known.joint(logits[:, tokens[0]], second).double().cpu().numpy()
        return chances

    @torch.no_grad()
    def explain(self, evidence: Evidence, row: int, correlation: float, max_new_tokens: int) -> str:
        """The reasoning that follows a number, greedily and under the grammar of a JSON string."""
        written = self.numbers.ids(self.numbers.score(np.array([correlation])))[0]
        asked = self.inputs(evidence)[row] + written + self._ids(prompt.AFTER)
        logits, cache = self._forward([asked], self._beginning())
        state = [logits[0], cache]

        def logits_after(tokens: Sequence[int]) -> Tensor:
            if tokens:
                logits, state[1] = self._forward([list(tokens)], state[1])
                state[0] = logits[0]
            return state[0]

        found = grammar.complete(self.grammar, logits_after, max_new_tokens)
        return self.tokenizer.decode(found, skip_special_tokens=True).strip()

    def _read(self, ids: Ids) -> tuple[Tensor, Any]:
        """Logits after prompts `(b, l)`, sorted, and the cache that knows them; what they share is read once."""
        shared = shared_tokens(ids)
        beginnings, of = np.unique(ids[:, :shared], axis=0, return_inverse=True)
        cache = self._beginning()
        if shared:
            cache.batch_repeat_interleave(len(beginnings))
            _, cache = self._forward(beginnings, cache)
        cache.batch_select_indices(torch.from_numpy(of))
        return self._forward(ids[:, shared:], cache)

    def _beginning(self) -> Any:
        """A cache that knows the prefix; it is read once for good where no weight can change any more."""
        learning = any(weight.requires_grad for weight in self.parameters())
        if learning or self._known_prefix is None:
            self._known_prefix = self._forward([self.prefix], None)[1]
        return copy.deepcopy(self._known_prefix)

    def _forward(self, rows: Ids | Sequence[list[int]], cache: Any) -> tuple[Tensor, Any]:
        """Logits after the last token of rows of one length, `(b, v)` float32, and the cache that knows them."""
        ids = torch.tensor(rows, device=self.model.device)
        with self.machine.autocast():
            out = self.model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
        return out.logits[:, -1].float(), out.past_key_values

    def _columns(self, prompts: Sequence[list[int]], answers: Sequence[list[int]]) -> tuple[Tensor, Tensor, Tensor]:
        """Ids and mask `(b, l)` of whole rows, and labels `(b, longest answer)`."""
        longest = len(self.prefix) + max(map(len, prompts)), max(map(len, answers))
        ids = torch.full((len(prompts), sum(longest)), self.grammar.close)  # what pads is masked, any token will do
        mask, labels = torch.zeros_like(ids), torch.full((len(prompts), longest[1]), IGNORED)
        for row, (asked, answer) in enumerate(zip(prompts, answers)):
            whole = torch.tensor(self.prefix + asked + answer)
            first = longest[0] - len(self.prefix) - len(asked)
            ids[row, first : first + len(whole)], mask[row, first : first + len(whole)] = whole, 1
            labels[row, : len(answer)] = torch.tensor(answer)
        return ids, mask, labels

    def _ids(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False)


def shared_tokens(ids: Ids) -> int:
    """Where sorted rows `(b, l)` are best parted: each distinct beginning is read, then the rest of each row.

    At so many tokens the fewest are read, and at least one of each row is left.
    """
    length = ids.shape[1]
    differ = ids[1:] != ids[:-1]
    common = np.where(differ.any(axis=1), differ.argmax(axis=1), length)  # (b - 1,) with the row before
    at = np.arange(length)
    beginnings = 1 + (common < at[:, None]).sum(axis=1)
    return int(np.argmin(beginnings * at + len(ids) * (length - at)))
