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
import torch
from numpy.typing import NDArray
from torch import nn

from .. import adapters, encoders, files
from ..errors import BadInput, BrokenModel
from . import model
from .model import Encode, Head, Shape, TicketEncoder

Matrix = NDArray[np.float32]
ABOUT = "training.json"
MIXTURE, HEAD = Path("1_WeightedLayerPooling"), Path("4_Dense")  # modules of sentence-transformers
WEIGHTS = "model.safetensors"
COMPARED = 256  # texts whose cosines are compared
TOLERANCE = 2e-5  # of a unit vector's numbers: padded against unpadded batches, merged against separate weights


def save(folder: Path, encoder: TicketEncoder, said: dict[str, Any]) -> None:
    """Write the transformer with the adapters merged, pooling, normalisation and head, and training.json."""
    from sentence_transformers import SentenceTransformer

    modules = _modules(encoder.shape.encoder, encoder.head)
    modules[0].auto_model.load_state_dict({name: t.cpu() for name, t in adapters.merged(encoder.base).items()})
    whole = SentenceTransformer(modules=modules, device="cpu")
    whole.max_seq_length = encoder.shape.max_length
    whole.save(str(folder), create_model_card=False)
    files.write_json(folder / ABOUT, {**said, "shape": asdict(encoder.shape), "dims": list(encoder.dims)})


def _modules(name: str, head: Head | None) -> list[Any]:
    """The base's transformer, pooling and normalisation, and the head's two; BadInput when the base has others."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling, WeightedLayerPooling

    base: Any = SentenceTransformer(encoders.locate(name, "tickets.encoder.encoder"), device="cpu")
    rest = [module for module in list(base)[1:] if not isinstance(module, Normalize)]
    if len(rest) != 1 or not isinstance(rest[0], Pooling) or rest[0].pooling_mode != "mean":
        found = ", ".join(f"{type(module).__name__} {getattr(module, 'pooling_mode', '')}".strip() for module in rest)
        raise BadInput(f"tickets.encoder.encoder: {name} makes vectors by {found or 'nothing'}, expected mean pooling")
    if head is None:
        return [base[0], rest[0], Normalize()]
    layers, width = base[0].auto_model.config.num_hidden_layers, len(head.bias)
    base[0].auto_model.config.output_hidden_states = True
    mixture = WeightedLayerPooling(width, layers, layer_start=0)
    mixture.load_state_dict({"layer_weights": torch.tensor([*[head.lower] * layers, 1.0])})
    dense = Dense(width, width, activation_function=nn.Identity())
    dense.load_state_dict({"linear.weight": head.weight.T.contiguous(), "linear.bias": head.bias})
    return [base[0], mixture, rest[0], Normalize(), dense, Normalize()]


def verify(folder: Path, encoder: TicketEncoder, tokenizer, texts: Sequence[str]) -> None:
    """Load the folder as a user would; BrokenModel when it is the base, or not the model in memory."""
    from sentence_transformers import SentenceTransformer

    rows = model.tokenize(tokenizer, texts, encoder.shape)
    trained = model.encode(encoder.base, rows, encoder.head)
    with adapters.weighted(encoder, 0.0):
        raw = model.encode(encoder.base, rows, encoder.head)
    for dim in encoder.dims:
        whole = SentenceTransformer(str(folder), truncate_dim=dim, device="cpu")
        loaded = whole.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        require_change(model.unit(raw, dim), loaded, f"{folder} at {dim} dims")
        off = float(abs(loaded - model.unit(trained, dim)).max())
        if off > TOLERANCE:
            raise BrokenModel(f"{folder} at {dim} dims: reloaded vectors are off by {off:.1e} from those in memory")


def require_change(raw: Matrix, trained: Matrix, where: str) -> None:
    """BrokenModel when the cosines of the same texts are the base's: adapters that nothing applies.

    Cosines, because a rotation alone would change vectors and teach nothing.
    """
    raw, trained = raw[:COMPARED], trained[:COMPARED]
    moved = float(abs(trained @ trained.T - raw @ raw.T).max())
    if moved <= TOLERANCE:
        raise BrokenModel(f"{where}: cosines differ from the base's by {moved:.1e}: the adapters have no effect")


def load(folder: Path) -> Encode:
    """Texts to unit vectors."""
    return model.encoder_of(str(folder), about(folder)["shape"], head(folder))


def about(folder: Path) -> dict[str, Any]:
    """What training.json says, with the shape as a Shape."""
    said = files.read_json(folder / ABOUT)
    return {**said, "shape": files.as_dataclass(Shape, said.get("shape", {}), f"{folder / ABOUT}: shape")}


def head(folder: Path) -> Head | None:
    """The head of a saved model; None when it has none."""
    if not (folder / HEAD).exists():
        return None
    affine, mixture = (safetensors.torch.load_file(folder / module / WEIGHTS) for module in (HEAD, MIXTURE))
    lower = mixture["layer_weights"][0].item()
    return Head(affine["linear.weight"].T.contiguous(), affine["linear.bias"], lower)
