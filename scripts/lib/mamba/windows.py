"""Windows of five chunks and the one that follows: the questions of an evaluation, as the original kept them.

A .npz holds `context_sequences` (q, 5, d), `target_vectors` (q, d), `truth_keys` (q, 2) (article and chunk
number), and here also `target_ids` (q,) and `provenance` (JSON). The original looked targets up by keys that had
been renumbered and found none of 5,244; so every vector of a window must equal its payload row, bit by bit.
"""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import files, seeds
from ..errors import BadInput
from .payload import Payload

CONTEXT = 5
ARRAYS = ("context_sequences", "target_vectors", "truth_keys")
Rows = NDArray[np.int64]


def draw(payload: Payload, split: str, limit: int, seed: int) -> Rows:
    """Rows of at most `limit` targets, rising: chunks of the split's articles with a whole context before them."""
    askable = np.flatnonzero((payload.splits == split) & (payload.positions >= CONTEXT))
    if not len(askable):
        raise BadInput(f"{payload.folder}: no chunk of {split} has {CONTEXT} before it, expected some")
    return np.sort(seeds.generator(seed, f"windows/{split}").permutation(askable)[:limit])


def contexts(targets: Rows, length: int = CONTEXT) -> Rows:
    """Rows of the chunks before each target, `(q,)` to `(q, length)`, the nearest last."""
    return targets[:, None] - np.arange(length, 0, -1)


def write(path: Path, payload: Payload, targets: Rows, provenance: dict[str, Any]) -> None:
    """The windows of these targets; the same ones give the same bytes."""
    keys = np.stack([payload.articles[targets], payload.positions[targets]], axis=1)
    with files.writing(path) as temporary, temporary.open("wb") as stream:
        np.savez(
            stream,
            context_sequences=payload.vectors[contexts(targets)],
            target_vectors=payload.vectors[targets],
            truth_keys=keys,
            target_ids=np.array([payload.ids[row] for row in targets]),
            provenance=np.array(json.dumps(provenance, sort_keys=True)),
        )


def read(path: Path, payload: Payload) -> Rows:
    """Payload rows of the targets, in the file's order; BadInput names the first window that is not in the payload."""
    stored = _arrays(path)
    ids = _target_ids(stored, path)
    known = {name: row for row, name in enumerate(payload.ids)}
    missing = [name for name in ids if name not in known]
    if missing:
        raise BadInput(
            f"{path}: {len(missing)} of {len(ids)} targets are not in {payload.folder}, first {missing[0]!r}"
        )
    targets = np.array([known[name] for name in ids])
    _refuse_misaligned(stored, targets, payload, path)
    return targets


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    if not path.is_file():
        raise BadInput(f"{path}: no such file")
    try:
        with np.load(path, allow_pickle=False) as archive:
            stored = {name: archive[name] for name in archive.files}
    except (zipfile.BadZipFile, ValueError, EOFError, OSError) as error:
        raise BadInput(f"{path}: damaged, cut short or no plain .npz ({error})") from None
    for name in ARRAYS:
        if name not in stored:
            raise BadInput(f"{path}: missing {name}, expected {', '.join(ARRAYS)}")
    return stored


def _target_ids(stored: dict[str, NDArray[Any]], path: Path) -> list[str]:
    """The targets' ids, or, in the original's files, "{article}#{chunk}" of their keys."""
    shapes = {name: stored[name].shape for name in ARRAYS}
    n, width = len(stored["target_vectors"]), stored["target_vectors"].shape[-1]
    expected = dict(zip(ARRAYS, ((n, CONTEXT, width), (n, width), (n, 2))))
    for name in ARRAYS:
        if shapes[name] != expected[name]:
            raise BadInput(f"{path}: {name} is {shapes[name]}, expected {expected[name]}")
    if not n:
        raise BadInput(f"{path}: no windows")
    if "target_ids" in stored:
        return stored["target_ids"].tolist()
    return [f"{article}#{chunk}" for article, chunk in stored["truth_keys"].tolist()]


def _refuse_misaligned(stored: dict[str, NDArray[Any]], targets: Rows, payload: Payload, path: Path) -> None:
    """BadInput unless every context and target is its payload row, bit by bit."""
    width = stored["target_vectors"].shape[1]
    if width != payload.vectors.shape[1]:
        raise BadInput(f"{path}: windows are {width} wide, the payload {payload.vectors.shape[1]}")
    short = np.flatnonzero(payload.positions[targets] < CONTEXT)
    if len(short):
        raise BadInput(
            f"{path}: window {short[0]}: target {payload.ids[targets[short[0]]]!r} has no {CONTEXT} before it"
        )
    for name, rows in (("target_vectors", targets), ("context_sequences", contexts(targets))):
        given = stored[name].astype(payload.vectors.dtype)
        differ = (given != payload.vectors[rows]).reshape(len(targets), -1).any(axis=1)
        if differ.any():
            first = int(np.argmax(differ))
            raise BadInput(
                f"{path}: {name} of {differ.sum()} of {len(targets)} windows differ from their payload rows, "
                f"first window {first}, target {payload.ids[targets[first]]!r}"
            )
