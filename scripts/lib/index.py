"""FAISS indexes: built from a vector folder, verified against their manifest whenever they are loaded."""

import re
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from . import vectors
from .errors import BadInput
from .files import read_text, write_text, writing

FILES = ("index.faiss", "ids.txt")

# Lorentz distance grows with -<u, v>, so its nearest neighbours are those of the largest inner
# product once the query's time coordinate changes its sign.
METRICS = {
    "inner_product": faiss.METRIC_INNER_PRODUCT,
    "cosine": faiss.METRIC_INNER_PRODUCT,  # of vectors and queries scaled to length 1
    "l2": faiss.METRIC_L2,
    "lorentz": faiss.METRIC_INNER_PRODUCT,
}


def build(source: Path, factory: str, metric: str, out: Path) -> None:
    """Index the vector folder `source` by a FAISS factory string and write index, ids and manifest to `out`."""
    xb, ids, about = vectors.load(source)
    xb = np.ascontiguousarray(vectors.normalised(xb, str(source)) if metric == "cosine" else xb, dtype=np.float32)
    try:
        index = faiss.index_factory(xb.shape[1], factory, METRICS[metric])
        index.train(xb)
    except RuntimeError as error:
        why = re.split(r"\.cpp:\d+: ", str(error))[-1]  # FAISS names its own source file first
        raise BadInput(f"{source}: no {factory} index can be built over {len(xb)} vectors ({why})") from None
    index.add(xb)
    with writing(out) as temporary:
        temporary.mkdir()
        faiss.write_index(index, str(temporary / "index.faiss"))
        write_text(temporary / "ids.txt", "".join(f"{name}\n" for name in ids))
        kept = {key: value for key, value in about.items() if key != "files"}
        vectors.write_manifest(temporary, FILES, {**kept, "factory": factory, "metric": metric})


class Index:
    """A verified index with the ids of its rows."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.manifest = folder, vectors.read_manifest(folder, FILES)
        try:
            self.index = faiss.read_index(str(folder / "index.faiss"))
        except RuntimeError:
            raise BadInput(f"{folder / 'index.faiss'}: not a FAISS index") from None
        self.ids = read_text(folder / "ids.txt").splitlines()
        counts = {self.index.ntotal, len(self.ids), self.manifest["n"]}
        if len(counts) > 1:
            raise BadInput(
                f"{folder}: index holds {self.index.ntotal}, ids {len(self.ids)}, manifest {self.manifest['n']}"
            )

    def search(self, xq: NDArray[Any], k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """(scores, rows) of the k nearest, each `(nq, k)`, nearest first: inner products, or minus squared L2."""
        if xq.shape[1] != self.index.d:
            raise BadInput(f"{self.folder}: queries are {xq.shape[1]} wide, the index {self.index.d}")
        if k > self.index.ntotal:
            raise BadInput(f"{self.folder}: {k} neighbours asked for, the index holds {self.index.ntotal}")
        xq = vectors.normalised(xq, "queries") if self.manifest["metric"] == "cosine" else xq
        xq = np.array(xq, dtype=np.float32)
        if self.manifest["metric"] == "lorentz":
            xq[:, 0] *= -1
        scores, rows = self.index.search(xq, k)
        if self.manifest["metric"] == "l2":
            scores = -scores
        if (rows < 0).any():
            raise BadInput(f"{self.folder}: a query found {(rows >= 0).sum(axis=1).min()} of {k} neighbours")
        return scores, rows
