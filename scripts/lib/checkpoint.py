"""A checkpoint: one safetensors file that is either whole and verified or not there.

Layout: named tensors, and one metadata value `sluice` holding JSON (what the caller says of the
file, the schema version, and a sha256 over that and every tensor's name, type, shape and bytes).
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from .errors import BadInput
from .files import write_bytes

Tensors = dict[str, Tensor]
SCHEMA = 1


def save(path: Path | str, tensors: Tensors, metadata: dict[str, Any]) -> None:
    """Write atomically and durably. `metadata` is JSON-able; the same arguments give the same bytes."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    about = json.loads(json.dumps({**metadata, "schema": SCHEMA}))  # as load() will see it: text keys, lists
    about["sha256"] = _digest(tensors, about)
    write_bytes(path, safetensors.torch.save(tensors, {"sluice": json.dumps(about)}))


def load(path: Path | str, kind: str | None = None, keys: Sequence[str] = ()) -> tuple[Tensors, dict[str, Any]]:
    """Tensors (on the CPU) and metadata; BadInput if damaged, foreign, of another schema or kind, or lacking a key."""
    about = read_metadata(path)
    tensors = safetensors.torch.load_file(path)
    if _digest(tensors, {key: value for key, value in about.items() if key != "sha256"}) != about.get("sha256"):
        raise BadInput(f"{path}: content differs from its sha256, the file is damaged")
    if kind and about.get("kind") != kind:
        raise BadInput(f"{path}: kind {about.get('kind')!r}, expected {kind!r}")
    for key in keys:
        if key not in about:
            raise BadInput(f"{path}: missing {key}, expected in every checkpoint of kind {kind!r}")
    return tensors, about


def read_metadata(path: Path | str) -> dict[str, Any]:
    """The JSON metadata alone, without reading the tensors."""
    if not Path(path).is_file():
        raise BadInput(f"{path}: no such checkpoint")
    try:
        with safetensors.safe_open(path, "pt") as file:
            text = (file.metadata() or {}).get("sluice")
    except safetensors.SafetensorError as error:
        raise BadInput(f"{path}: damaged or cut short ({error})") from None
    if text is None:
        raise BadInput(f"{path}: not a checkpoint of this workflow (no metadata key 'sluice')")
    try:
        about = json.loads(text)
    except json.JSONDecodeError:
        raise BadInput(f"{path}: metadata is not JSON, the file is damaged") from None
    schema = about.get("schema") if isinstance(about, dict) else None
    if schema != SCHEMA:
        raise BadInput(f"{path}: schema {schema}, expected {SCHEMA}")
    return about


def trainable(module: nn.Module) -> Tensors:
    """Named parameters that training may change."""
    return {name: weight for name, weight in module.named_parameters() if weight.requires_grad}


def kept(module: nn.Module) -> Tensors:
    """What has to be stored of a module: parameters that training may change, and the buffers of its state."""
    state = module.state_dict()
    return trainable(module) | {name: buffer for name, buffer in module.named_buffers() if name in state}


def shape_of(tensors: Tensors, name: str, wanted: tuple[int, ...], where: str) -> tuple[int, ...]:
    """The shape of a stored tensor: as wanted, with -1 for any size; BadInput when it is another or there is none."""
    found = tuple(tensors[name].shape) if name in tensors else None
    if found is None or len(found) != len(wanted) or any(size not in (-1, own) for size, own in zip(wanted, found)):
        raise BadInput(f"{where}: {name} is {'nothing' if found is None else found}, expected {wanted}")
    return found


@torch.no_grad()
def restore(module: nn.Module, tensors: Tensors, where: str) -> None:
    """Copy stored values into what is kept of a module; BadInput names what is missing or misshapen."""
    for name, weight in kept(module).items():
        shape_of(tensors, name, tuple(weight.shape), where)
        weight.copy_(tensors[name])


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> Tensors:
    """Moments and counters by parameter number; rates are functions of the step and are not stored."""
    state = optimizer.state_dict()["state"]
    return {f"{number}.{key}": value for number, entry in state.items() for key, value in entry.items()}


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Tensors) -> None:
    """Put back what `optimizer_tensors` gave; rates stay as they are."""
    state: dict[int, Tensors] = {}
    for name, value in tensors.items():
        number, key = name.split(".", 1)
        state.setdefault(int(number), {})[key] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _digest(tensors: Tensors, about: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        if tensor.numel():  # an empty one has no bytes, and perhaps no stride to view it by
            digest.update(tensor.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()
