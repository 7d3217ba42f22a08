"""Texts to unit vectors, in shards of whole articles and in blocks that are kept until a shard is whole."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .. import checkpoint, encoders, tokens
from ..compute import Compute
from ..errors import BadInput
from ..parquet import read_table
from ..state import StateFolder

Matrix = NDArray[np.floating]
Encode = Callable[[Sequence[str]], Matrix]
KEY = "mamba.payload.encoder"  # the config key an error names
DTYPES = {"float32": np.float32, "float16": np.float16}
UNPADDED = ("bert", "mpnet")  # what lib.encoders can run layer by layer


@dataclass(frozen=True)
class Encoding:
    """How chunks become vectors: encoder, its tokens of a chunk and of a batch, type on disk, chunks between saves."""

    encoder: str = "minilm"
    max_length: int = 128
    max_tokens: int = 8192
    dtype: str = "float32"
    save_chunks: int = 1024

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise BadInput(f"dtype {self.dtype}: expected {' or '.join(DTYPES)}")


def load(how: Encoding, machine: Compute) -> tuple[Encode, str]:
    """The encoder as sentence-transformers has it, and a sha256 of its weights.

    BERT and MPNet with mean pooling run unpadded, which is twice as fast on CPU; others (GTR-T5 with
    its projection, say) run as their folder describes.
    """
    whole = _whole(how.encoder, machine.device)

    def padded(texts: Sequence[str]) -> Matrix:
        whole.max_seq_length = how.max_length
        return whole.encode(list(texts), batch_size=32, show_progress_bar=False, normalize_embeddings=True)

    def unpadded(texts: Sequence[str]) -> Matrix:
        rows = tokens.tokenize(whole.tokenizer, texts, how.max_length)
        return torch.nn.functional.normalize(encoders.encode(whole[0].auto_model, rows, how.max_tokens), dim=1).numpy()

    run = unpadded if _runs_unpadded(whole) else padded

    def encode(texts: Sequence[str]) -> Matrix:
        with torch.no_grad(), machine.autocast():
            return run(texts).astype(DTYPES[how.dtype])

    return encode, _digest(whole)


def _whole(encoder: str, device: str) -> Any:
    """The SentenceTransformer in eval mode; BadInput when there is none of that name."""
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()
    path = encoders.locate(encoder, KEY)
    try:
        return SentenceTransformer(path, device=device, local_files_only=encoders.offline(path)).eval()
    except (OSError, ValueError) as error:
        raise BadInput(f"{KEY}: model {encoder!r} cannot be loaded ({str(error).splitlines()[0]})") from None


def _runs_unpadded(whole: Any) -> bool:
    kinds = [type(module).__name__ for module in whole]
    plain = kinds[:2] == ["Transformer", "Pooling"] and set(kinds[2:]) <= {"Normalize"}
    return plain and whole[1].pooling_mode == "mean" and whole[0].auto_model.config.model_type in UNPADDED


def _digest(module: torch.nn.Module) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def rows_of_shard(positions: NDArray[np.integer], shard: int, shards: int) -> slice:
    """Rows of shard 1 .. `shards`: whole articles, about equally many chunks each; BadInput when there are too few."""
    starts = np.append(np.flatnonzero(positions == 0), len(positions))
    if not 1 <= shard <= shards < len(starts):
        raise BadInput(
            f"shard {shard} of {shards}: expected 1 to {shards}, at most one for each of {len(starts) - 1} articles"
        )
    order = np.arange(shards + 1)
    nearest = np.searchsorted(starts, order * len(positions) // shards)
    left = np.maximum.accumulate(nearest - order) + order  # at least one article each, from the left
    at = np.minimum(left, len(starts) - 1 - shards + order)  # and from the right
    return slice(int(starts[at[shard - 1]]), int(starts[at[shard]]))


def read_shard(path: Path, shard: int, shards: int) -> tuple[list[str], list[str]]:
    """(ids, texts) of the chunks of one shard."""
    positions = read_table(path, ["position"])["position"].to_numpy()
    table = read_table(path, ["id", "text"], rows=rows_of_shard(positions, shard, shards))
    return table["id"].to_list(), table["text"].to_list()


def resumed(texts: Sequence[str], encode: Encode, folder: StateFolder, size: int) -> Iterator[Matrix]:
    """Vectors of the texts, `size` of them at a time; what an interrupted run has saved is read, not encoded."""
    for start in range(0, len(texts), size):
        part = folder.path.with_suffix(f".{start}.safetensors")
        if not part.exists():
            vectors = encode(texts[start : start + size])
            checkpoint.save(part, {"vectors": torch.from_numpy(vectors)}, {"start": start})
        yield checkpoint.load(part)[0]["vectors"].numpy()
