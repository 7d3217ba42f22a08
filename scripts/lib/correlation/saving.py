"""A trained model as a folder with all that prediction needs, and the proof that it is what was trained.

reader.json            shape, calibration and settings
index/                 the known pairs that retrieval may find
metrics.json           errors on train, validation and test
head.safetensors       the number head over a frozen encoder, or
adapter_*, tokenizer*  LoRA as PEFT has it, or
model.safetensors ...  the small Llama, whole, as transformers has it
"""

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import files
from ..compute import Compute
from ..errors import BadInput, BrokenModel
from . import readers
from .base import Shape
from .calibration import Calibration
from .encoder import Head
from .evidence import Evidence
from .model import CorrelationModel
from .rag import SemanticRAG
from .reader import distribution

ABOUT, INDEX, METRICS = "reader.json", "index", "metrics.json"
TOLERANCE = 1e-4  # of a chance: other batches, other sums


def save(folder: Path, model: CorrelationModel, shape: Shape, head: Head, about: dict[str, Any]) -> None:
    """Write weights, index and reader.json into an existing folder."""
    readers.save(folder, model.reader)
    shutil.copytree(model.rag.folder, folder / INDEX)
    described = {"shape": shape, "head": head, "calibration": model.calibration}
    parts = {name: asdict(part) for name, part in described.items()}
    files.write_json(folder / ABOUT, {**about, **parts, "top_k": model.top_k})


def load(folder: Path, machine: Compute | None = None) -> CorrelationModel:
    """The model of a folder; BadInput names the file that is missing or damaged."""
    about = files.read_json(folder / ABOUT)
    try:
        shape, head = Shape(**about["shape"]), Head(**about["head"])
        calibration = Calibration(**{name: _tuple(value) for name, value in about["calibration"].items()})
        top_k = int(about["top_k"])
    except (KeyError, TypeError) as error:
        raise BadInput(f"{folder / ABOUT}: {error}, expected what train_correlation.py writes") from None
    reader = readers.load(folder, shape, head, machine or Compute())
    return CorrelationModel(reader, SemanticRAG(folder / INDEX).load(), top_k, calibration)


def verify(
    folder: Path, model: CorrelationModel, checked: Evidence, untrained: NDArray[np.float64], machine: Compute
) -> None:
    """Load the folder as a user would; BrokenModel when it reads as before training, or not as the one in memory."""
    trained = distribution(model.reader, checked).chances
    loaded = distribution(load(folder, machine).reader, checked).chances
    moved, off = float(abs(loaded - untrained).max()), float(abs(loaded - trained).max())
    if moved <= TOLERANCE:
        raise BrokenModel(f"{folder}: chances differ by {moved:.1e} from those before training, which had no effect")
    if off > TOLERANCE:
        raise BrokenModel(f"{folder}: reloaded chances are off by {off:.1e} from those in memory")


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
