"""Vectors on disk: a matrix, the ids of its rows, and a manifest that proves they belong together.

A folder holds `vectors.npy` (n, d), `ids.txt` (one id a line) and `manifest.json` (what made them,
their shape, and the sha256 of both files).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import BadInput
from .files import read_json, read_text, sha256, write_json, write_text, writing

Matrix = NDArray[np.floating]
FILES = ("vectors.npy", "ids.txt")
BLOCK = 16384  # rows looked at together


def save(folder: Path, vectors: Matrix, ids: Sequence[str], about: dict[str, Any]) -> None:
    """Write a vector folder atomically; `about` says what embedded what."""
    check(vectors, ids, str(folder))
    with writing(folder) as temporary:
        temporary.mkdir()
        np.save(temporary / "vectors.npy", vectors, allow_pickle=False)
        write_text(temporary / "ids.txt", "".join(f"{name}\n" for name in ids))
        write_manifest(temporary, FILES, {**about, "n": len(ids), "dim": int(vectors.shape[1])})


def load(folder: Path, also: Sequence[str] = ()) -> tuple[Matrix, list[str], dict[str, Any]]:
    """(vectors, ids, manifest), verified, with the files of `also`; the matrix is memory-mapped."""
    manifest = read_manifest(folder, (*FILES, *also))
    try:
        vectors = np.lib.format.open_memmap(folder / "vectors.npy", mode="r")
    except ValueError as error:
        raise BadInput(f"{folder / 'vectors.npy'}: not a plain array ({error})") from None
    ids = read_text(folder / "ids.txt").splitlines()
    check(vectors, ids, str(folder))
    return vectors, ids, manifest


def blocks(vectors: Matrix) -> Iterator[tuple[int, Matrix]]:
    """(first row, rows) of consecutive blocks: a memory-mapped matrix need not fit into memory."""
    for start in range(0, len(vectors), BLOCK):
        yield start, vectors[start : start + BLOCK]


def check(vectors: Matrix, ids: Sequence[str], where: str) -> None:
    """BadInput names the first row that is not finite, the first id that is double or not a line, or both lengths."""
    if len(vectors) != len(ids):
        raise BadInput(f"{where}: {len(vectors)} vectors but {len(ids)} ids")
    for start, block in blocks(vectors):
        bad = np.flatnonzero(~np.isfinite(block).all(axis=1))
        if len(bad):
            raise BadInput(f"{where}: row {start + bad[0]} is not finite")
    seen: set[str] = set()
    for name in ids:
        if name in seen:
            raise BadInput(f"{where}: id {name!r} stands twice")
        if name.splitlines() != [name]:
            raise BadInput(f"{where}: id {name!r} is not one line of text")
        seen.add(name)


def normalised(vectors: Matrix, where: str) -> Matrix:
    """Rows scaled to length 1 for cosine search; BadInput names the first row of length 0."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    zero = np.flatnonzero(lengths == 0)
    if len(zero):
        raise BadInput(f"{where}: row {zero[0]} has length 0")
    return vectors / lengths


def write_manifest(folder: Path, names: Sequence[str], about: dict[str, Any]) -> None:
    """`manifest.json`: what the folder is, and the sha256 of each named file in it."""
    write_json(folder / "manifest.json", {**about, "files": {name: sha256(folder / name) for name in names}})


def read_manifest(folder: Path, names: Sequence[str]) -> dict[str, Any]:
    """The manifest, after checking the named files against it."""
    manifest = read_json(folder / "manifest.json")
    for name in names:
        try:
            expected = manifest["files"][name]
        except (KeyError, TypeError):
            raise BadInput(f"{folder / 'manifest.json'}: says nothing of {name}, expected its sha256") from None
        if sha256(folder / name) != expected:
            raise BadInput(f"{folder / name}: sha256 differs from the manifest, the file is damaged or replaced")
    return manifest
