"""A trained encoder as a SentenceTransformer folder, and the proof that it is what was trained.

The original wrapped its adapters around the wrong level: what it saved and evaluated was the base,
to the last digit. So what is saved is loaded again, as a user would, and must equal the model in
memory and differ from the base, at every width.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .. import adapters, encoders, files
from ..errors import BadInput, BrokenModel
from . import model
from .model import Encode, Shape, TicketEncoder

Matrix = NDArray[np.float32]
ABOUT = "training.json"
ROTATION = Path("2_Dense", "model.safetensors")  # where sentence-transformers keeps the third module's weights
COMPARED = 256  # texts whose cosines are compared
TOLERANCE = 2e-5  # of a unit vector's numbers: padded against unpadded batches, merged against separate weights


def save(folder: Path, encoder: TicketEncoder, about: dict[str, Any]) -> None:
    """Write transformer, pooling, rotation and normalisation with the adapters merged, and training.json."""
    from sentence_transformers import SentenceTransformer

    modules = _modules(encoder.shape.encoder, encoder.rotation)
    modules[0].auto_model.load_state_dict({name: t.cpu() for name, t in adapters.merged(encoder.base).items()})
    whole = SentenceTransformer(modules=modules, device="cpu")
    whole.max_seq_length = encoder.shape.max_length
    whole.save(str(folder), create_model_card=False)
    files.write_json(folder / ABOUT, {**about, "shape": asdict(encoder.shape), "dims": list(encoder.dims)})


def _modules(name: str, rotation: Tensor | None) -> list[Any]:
    """The base's transformer and pooling, the rotation, and normalisation; BadInput when the base has others."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling

    base = SentenceTransformer(encoders.locate(name, "tickets.encoder.encoder"), device="cpu")
    rest = [module for module in list(base)[1:] if not isinstance(module, Normalize)]
    if len(rest) != 1 or not isinstance(rest[0], Pooling) or rest[0].pooling_mode != "mean":
        found = ", ".join(f"{type(module).__name__} {getattr(module, 'pooling_mode', '')}".strip() for module in rest)
        raise BadInput(f"tickets.encoder.encoder: {name} makes vectors by {found or 'nothing'}, expected mean pooling")
    if rotation is None:
        return [base[0], rest[0], Normalize()]
    turn = Dense(len(rotation), len(rotation), bias=False, activation_function=nn.Identity())
    turn.load_state_dict({"linear.weight": rotation.T.contiguous().cpu()})
    return [base[0], rest[0], turn, Normalize()]


def verify(folder: Path, encoder: TicketEncoder, tokenizer, texts: Sequence[str]) -> None:
    """Load the folder as a user would; BrokenModel when it is the base, or not the model in memory."""
    from sentence_transformers import SentenceTransformer

    rows = model.tokenize(tokenizer, texts, encoder.shape)
    trained = model.encode(encoder.base, rows, encoder.rotation)
    with adapters.weighted(encoder, 0.0):
        raw = model.encode(encoder.base, rows, encoder.rotation)
    for dim in encoder.dims:
        whole = SentenceTransformer(str(folder), truncate_dim=dim, device="cpu")
        loaded = whole.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        require_change(model.unit(raw, dim), loaded, f"{folder} at {dim} dims")
        off = float(abs(loaded - model.unit(trained, dim)).max())
        if off > TOLERANCE:
            raise BrokenModel(f"{folder} at {dim} dims: reloaded vectors are off by {off:.1e} from those in memory")


def require_change(raw: Matrix, trained: Matrix, where: str) -> None:
    """BrokenModel when the cosines of the same texts are the base's: adapters that nothing applies.

    Cosines, because a rotation alone changes vectors and teaches nothing.
    """
    raw, trained = raw[:COMPARED], trained[:COMPARED]
    moved = float(abs(trained @ trained.T - raw @ raw.T).max())
    if moved <= TOLERANCE:
        raise BrokenModel(f"{where}: cosines differ from the base's by {moved:.1e}: the adapters have no effect")


def load(folder: Path) -> tuple[Encode, dict[str, Any]]:
    """(texts to unit vectors, what training.json says with the shape as a Shape)."""
    about = files.read_json(folder / ABOUT)
    known: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in about["shape"].items()
    }
    shape = Shape(**known)
    return model.encoder_of(str(folder), shape, rotation(folder)), {**about, "shape": shape}


def rotation(folder: Path) -> Tensor | None:
    """What the folder's vectors are multiplied by, `(d, d)`; None when they are not."""
    if not (folder / ROTATION).exists():
        return None
    return safetensors.torch.load_file(folder / ROTATION)["linear.weight"].T.contiguous()
