"""Readers by what they are made of: begun, written and read back."""

from pathlib import Path

from .. import checkpoint, encoders, files
from ..compute import Compute
from ..errors import BadInput
from . import base, prompt
from .base import TINY, Shape
from .causal import CausalReader
from .encoder import EncoderReader, Head
from .numbers import single
from .objective import Labelled
from .reader import Reader

HEAD = "head.safetensors"


def start(shape: Shape, head: Head, machine: Compute, seed: int, taught: Labelled) -> Reader:
    """A reader before training: a number head over a packaged encoder, or a language model."""
    if shape.model in encoders.PACKAGED:
        if shape.use_4bit:
            raise BadInput(f"correlation.model.use_4bit: {shape.model} is an encoder, expected a language model")
        reader = EncoderReader.begun(shape.model, head, taught.seen, seed)
        return reader.to(machine.device)
    tokenizer, model = base.start(shape, machine, seed, _corpus(taught) if shape.model == TINY else [])
    return CausalReader(model.to(machine.device), tokenizer, machine, shape.max_length)


def save(folder: Path, reader: Reader) -> None:
    """Write the weights that were trained, and the tokenizer if there is one, into an existing folder."""
    if isinstance(reader, EncoderReader):
        checkpoint.save(folder / HEAD, reader.state_dict(), {"encoder": reader.name})
    elif isinstance(reader, CausalReader):
        reader.model.save_pretrained(folder)
        reader.tokenizer.save_pretrained(folder)
        (folder / "README.md").unlink(missing_ok=True)  # PEFT's empty card
        _in_order(folder / "adapter_config.json")


def load(folder: Path, shape: Shape, head: Head, machine: Compute) -> Reader:
    """The reader that `save` wrote."""
    if shape.model in encoders.PACKAGED:
        tensors, _ = checkpoint.load(folder / HEAD)
        reader = EncoderReader(shape.model, head, len(tensors["center"]), len(tensors["mean_vector"]))
        checkpoint.restore(reader, tensors, str(folder / HEAD))
        return reader.to(machine.device).eval()
    if shape.model == TINY:
        tokenizer, model = base.load(Shape(model=str(folder)), machine)
    else:
        from peft import PeftModel

        tokenizer, frozen = base.load(shape, machine)
        model = PeftModel.from_pretrained(frozen, str(folder)).eval()
    return CausalReader(model.requires_grad_(False), tokenizer, machine, shape.max_length)


def _corpus(taught: Labelled) -> list[str]:
    """What the small model's tokenizer learns from: the training pairs as it will read and answer them."""
    texts = prompt.prompts(taught.seen, single().texts())
    return [prompt.PREFIX, *texts, *map(prompt.rest, taught.reasonings)]


def _in_order(path: Path) -> None:
    """PEFT writes a set of layer names in whatever order it has them; equal adapters must be equal bytes."""
    if path.exists():
        config = files.read_json(path)
        files.write_json(path, config | {"target_modules": sorted(config["target_modules"])})
