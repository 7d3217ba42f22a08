"""Texts as token ids, tokenized once for each tokenizer and kept on disk under their content's hash."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from . import checkpoint


@dataclass(frozen=True)
class Tokens:
    """Rows of token ids of different lengths, stored end to end.

    ids     (total,) int32   all rows, special tokens included
    offsets (n + 1,) int64   row i is ids[offsets[i]:offsets[i + 1]]
    """

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        return np.diff(self.offsets)

    def positions(self, rows: NDArray[np.integer]) -> NDArray[np.int64]:
        """Where the tokens of rows of one common length stand in `ids`, `(b,)` to `(b, l)`."""
        length = int(self.offsets[rows[0] + 1] - self.offsets[rows[0]])
        return self.offsets[rows][:, None] + np.arange(length)

    def batch(self, rows: NDArray[np.integer]) -> torch.Tensor:
        """Ids of rows of one common length, `(b,)` to `(b, l)`."""
        return torch.from_numpy(self.ids[self.positions(rows)].astype(np.int64))


def tokenize(tokenizer, texts: Sequence[str], max_length: int) -> Tokens:
    """Token ids of each text, special tokens included, cut at `max_length`."""
    rows = tokenizer(list(texts), truncation=True, max_length=max_length)["input_ids"] if len(texts) else []
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    ids = np.fromiter((token for row in rows for token in row), dtype=np.int32, count=int(offsets[-1]))
    return Tokens(ids, offsets)


def cached(folder: Path, tokenizer, texts: Sequence[str], max_length: int) -> Tokens:
    """`tokenize`, through a file in `folder` named after tokenizer, texts and length."""
    path = Path(folder) / f"{_content(tokenizer, texts, max_length)[:32]}.safetensors"
    if path.exists():
        stored, _ = checkpoint.load(path)
        return Tokens(stored["ids"].numpy(), stored["offsets"].numpy())
    tokens = tokenize(tokenizer, texts, max_length)
    stored = {"ids": torch.from_numpy(tokens.ids), "offsets": torch.from_numpy(tokens.offsets)}
    checkpoint.save(path, stored, {"rows": len(tokens), "max_length": max_length})
    return tokens


def _content(tokenizer, texts: Sequence[str], max_length: int) -> str:
    definition = json.loads(tokenizer.backend_tokenizer.to_str())
    definition.update(truncation=None, padding=None)  # left behind by the last call, not part of the tokenizer
    digest = hashlib.sha256(json.dumps(definition, sort_keys=True).encode())
    digest.update(f"{max_length} {len(texts)}\n".encode())
    for text in texts:
        digest.update(hashlib.sha256(text.encode()).digest())
    return digest.hexdigest()
