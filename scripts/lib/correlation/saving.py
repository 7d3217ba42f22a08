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
from ..errors import BrokenModel
from . import readers
from .base import Shape
from .encoder import Head
from .evidence import Evidence
from .model import ABOUT, INDEX, CorrelationModel, load
from .reader import distribution

METRICS = "metrics.json"
TOLERANCE = 1e-4  # of a chance: other batches, other sums


def save(folder: Path, model: CorrelationModel, shape: Shape, head: Head, about: dict[str, Any]) -> None:
    """Write weights, index and reader.json into an existing folder."""
    readers.save(folder, model.reader)
    shutil.copytree(model.rag.folder, folder / INDEX)
    parts = {"shape": asdict(shape), "head": asdict(head), "calibration": asdict(model.calibration)}
    files.write_json(folder / ABOUT, {**about, **parts, "top_k": model.top_k})


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
