"""The payload: the vector, the text and the place of every chunk of every article.

A folder as lib.vectors has it (`vectors.npy`, `ids.txt`, `manifest.json`) and `chunks.parquet`, rows
of all three in one order: article after article, each from its first chunk to its last. The
manifest's hashes cover every file, so that vectors never meet texts of another run.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .. import vectors
from ..errors import BadInput
from ..parquet import read_table
from ..vectors import Matrix
from .dataset import CHUNKS, check

PLACES = ("id", "article", "position", "split")
TOLERANCE = 2e-3  # by how much the length of a unit vector may be off in 16 bits


@dataclass(frozen=True)
class Payload:
    """n chunks of a articles.

    vectors    (n, d) unit vectors, memory-mapped
    ids        n strings, "{article}#{position}"
    articles   (n,) int64 number of each chunk's article, 0 .. a - 1, never decreasing
    names      a strings, the articles' own ids
    positions  (n,) int64 place of each chunk in its article, from 0
    splits     (n,) str train, validation or test; the same for all chunks of an article
    """

    folder: Path
    vectors: Matrix
    ids: list[str]
    articles: NDArray[np.int64]
    names: list[str]
    positions: NDArray[np.int64]
    splits: NDArray[np.str_]
    manifest: dict[str, Any]

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def texts(self) -> list[str]:
        """The chunks' texts, read when they are first asked for."""
        return read_table(self.folder / CHUNKS, ["text"])["text"].to_list()

    @property
    def source(self) -> dict[str, Any]:
        """What prepare_articles.py said of the articles and their split."""
        return self.manifest["source"]

    def documents(self, split: str) -> list[range]:
        """The rows of each article of a split."""
        starts = np.flatnonzero(self.positions == 0)
        ends = np.append(starts[1:], len(self))
        return [range(start, end) for start, end in zip(starts.tolist(), ends.tolist()) if self.splits[start] == split]


def load(folder: Path) -> Payload:
    """The verified payload; BadInput when a file is damaged, or rows, lengths or splits do not fit together."""
    matrix, ids, manifest = vectors.load(folder, also=(CHUNKS,))
    table = read_table(folder / CHUNKS, PLACES)
    check(table, str(folder / CHUNKS))
    if table["id"].to_list() != ids:
        raise BadInput(f"{folder}: {CHUNKS} and ids.txt name different chunks or another order of them")
    refuse_lengths(matrix, str(folder))
    numbers, names = number(table["article"])
    positions, splits = table["position"].to_numpy().astype(np.int64), np.array(table["split"].to_list(), dtype=np.str_)
    return Payload(folder, matrix, ids, numbers, names, positions, splits, manifest)


def number(articles: pl.Series) -> tuple[NDArray[np.int64], list[str]]:
    """The number of each chunk's article in the order of first appearance, and the articles' ids."""
    runs = (articles != articles.shift()).fill_null(value=True)
    return (runs.cum_sum() - 1).to_numpy().astype(np.int64), articles.filter(runs).to_list()


def refuse_lengths(matrix: Matrix, where: str) -> None:
    """BadInput names the first row that is no unit vector."""
    for start, block in vectors.blocks(matrix):
        lengths = np.linalg.norm(np.asarray(block, dtype=np.float32), axis=1)
        wrong = np.flatnonzero(np.abs(lengths - 1) > TOLERANCE)
        if len(wrong):
            raise BadInput(f"{where}: row {start + wrong[0]} has length {lengths[wrong[0]]:.4g}, expected 1")
