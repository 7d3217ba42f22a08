"""Language models by name, ready to learn: whole, with LoRA, or with LoRA over four-bit weights (QLoRA).

A name is `tiny` (lib.correlation.tiny), a folder, a .gguf file, or a hub id such as meta-llama/Llama-3.1-8B-Instruct.
QLoRA: NF4 with double quantisation (Dettmers et al. 2023, 2305.14314) through bitsandbytes.
"""

import importlib.util
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from .. import encoders, seeds
from ..compute import Compute
from ..errors import BadInput
from . import tiny

KEY = "correlation.model.model"
TINY = "tiny"


@dataclass(frozen=True)
class Shape:
    """Which model reads, and what of it may learn; `max_length` in tokens, the farthest neighbours are cut first."""

    model: str = "minilm"
    model_cache_dir: str | None = None
    use_4bit: bool = False
    max_length: int = 384
    lora_r: int = 16
    lora_alpha: int = 32
    lora_dropout: float = 0.05


def start(shape: Shape, machine: Compute, seed: int, corpus: Sequence[str]) -> tuple[Any, Any]:
    """(tokenizer, model with new adapters); of `tiny` everything is new and learns, its tokenizer from `corpus`."""
    if shape.model == TINY:
        tokenizer = tiny.tokenizer_of(corpus)
        return tokenizer, tiny.model_of(tokenizer, seed)
    from peft import LoraConfig, get_peft_model

    tokenizer, model = load(shape, machine)
    seeds.seed_torch(seed, "initial weights")
    lora = LoraConfig(
        r=shape.lora_r,
        lora_alpha=shape.lora_alpha,
        lora_dropout=shape.lora_dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    adapted: Any = get_peft_model(model, lora)
    return tokenizer, adapted.eval()


def load(shape: Shape, machine: Compute) -> tuple[Any, Any]:
    """(tokenizer, frozen model) of a folder, .gguf file or hub id; BadInput names the config key and the model."""
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    place, options = _place(shape)
    more = {"quantization_config": _four_bits(machine)} if shape.use_4bit else {"dtype": torch.float32}
    if machine.device != "cpu" and not shape.use_4bit:
        more = {"dtype": torch.bfloat16 if machine.precision == "bf16" else torch.float32}
    try:
        tokenizer = AutoTokenizer.from_pretrained(place, **options)
        model = AutoModelForCausalLM.from_pretrained(place, device_map=machine.device, **options, **more)
    except (OSError, ValueError, SafetensorError, struct.error) as error:
        why = "cannot be loaded" if Path(shape.model).exists() else "is not on disk and cannot be fetched"
        raise BadInput(f"{KEY}: model {shape.model!r} {why} ({str(error).splitlines()[0]})") from None
    return tokenizer, model.eval().requires_grad_(False)


def _place(shape: Shape) -> tuple[str, dict[str, Any]]:
    """What transformers calls the model, and how it is to look for it."""
    file = Path(shape.model)
    if file.suffix == ".gguf":
        if not file.is_file():
            raise BadInput(f"{KEY}: {shape.model}: no such file")
        if shape.use_4bit:
            raise BadInput(f"correlation.model.use_4bit: {file.name} is quantised already, expected a folder or hub id")
        return str(file.parent), {"gguf_file": file.name, "local_files_only": True}
    name = encoders.locate(shape.model, KEY)
    return name, {"local_files_only": encoders.offline(name), "cache_dir": shape.model_cache_dir}


def _four_bits(machine: Compute) -> Any:
    if importlib.util.find_spec("bitsandbytes") is None:
        raise BadInput("correlation.model.use_4bit: bitsandbytes is not installed, expected it for four-bit weights")
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16 if machine.precision == "bf16" else torch.float32,
    )
