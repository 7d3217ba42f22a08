"""Adapters that peft saved, put where they belong, whatever they were wrapped around.

The original wrapped the whole SentenceTransformer: its weights are named
`base_model.model.0.auto_model.encoder.layer...`, and peft, asked to load them around the transformer alone,
finds no name it knows and goes on with adapters that change nothing.
"""

from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError

from .. import files
from ..errors import BadInput
from . import model
from .model import Shape, TicketEncoder

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
LAYERS = "encoder.layer."  # what stands before it depends on what was wrapped, what follows does not


def load(folder: Path, encoder: str, max_length: int, dims: tuple[int, ...]) -> tuple[Any, TicketEncoder]:
    """(tokenizer, encoder with the folder's LoRA in its layers); BadInput when a weight has no place or is missing."""
    about, stored = files.read_json(folder / CONFIG), _weights(folder / WEIGHTS)
    try:
        layers = tuple(sorted({name.split(".lora_")[0].rsplit(".", 1)[-1] for name in stored}))
        shape = Shape(encoder, max_length, 0, about["r"], about["lora_alpha"], 0.0, dims, layers)
    except (KeyError, TypeError):
        raise BadInput(f"{folder / CONFIG}: missing r or lora_alpha, expected the configuration of a LoRA") from None
    tokenizer, made = model.start(shape, seed=0)
    wanted = {
        name.replace(".default.", "."): weight for name, weight in made.layers.named_parameters() if ".lora_" in name
    }
    for name in sorted(set(stored) ^ set(wanted)):
        what = "has no place in" if name in stored else "is missing for"
        raise BadInput(f"{folder / WEIGHTS}: {LAYERS}{name} {what} {encoder}")
    with torch.no_grad():
        for name, weight in wanted.items():
            if stored[name].shape != weight.shape:
                found, expected = tuple(stored[name].shape), tuple(weight.shape)
                raise BadInput(f"{folder / WEIGHTS}: {LAYERS}{name} is {found}, expected {expected}")
            weight.copy_(stored[name])
    return tokenizer, made.eval()


def _weights(path: Path) -> dict[str, torch.Tensor]:
    """LoRA weights by name below the encoder's layers."""
    try:
        stored = safetensors.torch.load_file(path)
    except (OSError, SafetensorError) as error:
        raise BadInput(f"{path}: no adapters that can be read ({str(error).splitlines()[0]})") from None
    strange = [name for name in stored if LAYERS not in name or ".lora_" not in name]
    if strange:
        raise BadInput(f"{path}: {strange[0]}: expected LoRA weights in the encoder's layers alone")
    return {name.split(LAYERS, 1)[1]: tensor for name, tensor in stored.items()}
