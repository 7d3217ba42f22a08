"""Vectors on disk: a matrix, the ids of its rows, and a manifest that proves they belong together.

A folder holds `vectors.npy` (n, d), `ids.txt` (one id a line) and `manifest.json` (what made them,
their shape, and the sha256 of both files).
"""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import BadInput
from .files import read_json, read_text, sha256, write_json, write_text, writing

Matrix = NDArray[np.floating]
FILES = ("vectors.npy", "ids.txt")
BLOCK = 16384  # rows looked at together
OWN = ("files", "kind", "n", "shard", "shards")  # what manifests of two shards may differ in, and a whole has not


def save(folder: Path, vectors: Matrix, ids: Sequence[str], about: dict[str, Any]) -> None:
    """Write a vector folder atomically; `about` says what embedded what."""
    save_parts(folder, [vectors], ids, about)


def save_parts(
    folder: Path, parts: Iterable[Matrix], ids: Sequence[str], about: dict[str, Any], also: Sequence[Path] = ()
) -> None:
    """As `save`, of consecutive rows `(m, d)` each, of which one part at a time is in memory; `also` are copied in."""
    with writing(folder) as temporary:
        temporary.mkdir()
        _write_rows(temporary / "vectors.npy", parts, len(ids), str(folder))
        matrix = np.lib.format.open_memmap(temporary / "vectors.npy", mode="r")
        check(matrix, ids, str(folder))
        write_text(temporary / "ids.txt", "".join(f"{name}\n" for name in ids))
        for file in also:
            shutil.copyfile(file, temporary / file.name)
        names = (*FILES, *(file.name for file in also))
        write_manifest(temporary, names, {**about, "n": len(ids), "dim": int(matrix.shape[1])})


def _write_rows(path: Path, parts: Iterable[Matrix], n: int, where: str) -> None:
    """A .npy file of n rows; BadInput when the parts have another number of them."""
    written = 0
    with path.open("wb") as stream:
        for part in parts:
            if not written:
                shape = {"descr": np.lib.format.dtype_to_descr(part.dtype), "shape": (n, part.shape[1])}
                np.lib.format.write_array_header_1_0(stream, {**shape, "fortran_order": False})
            stream.write(np.ascontiguousarray(part).data)
            written += len(part)
    if written != n:
        raise BadInput(f"{where}: {written} vectors but {n} ids")


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
    check_ids(ids, where)


def check_ids(ids: Iterable[str], where: str) -> None:
    """BadInput names the first id that is double or not a line."""
    seen: set[str] = set()
    for name in ids:
        if name in seen:
            raise BadInput(f"{where}: id {name!r} stands twice")
        if name.splitlines() != [name]:
            raise BadInput(f"{where}: id {name!r} is not one line of text")
        seen.add(name)


def alike(folders: Sequence[Path], manifests: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the shards' manifests say alike, OWN left out; BadInput names two folders and the key where they differ."""
    first = {key: value for key, value in manifests[0].items() if key not in OWN}
    for folder, manifest in zip(folders, manifests):
        for key, value in first.items():
            if manifest.get(key) != value:
                raise BadInput(f"{folder}: {key} {manifest.get(key)}, but {value} in {folders[0]}")
    return first


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
