"""FAISS indexes: built from a vector folder, verified against their manifest whenever they are loaded.

A factory string names the kind: `Flat` (exact), `IVF1024,Flat`, `IVF1024,SQfp16` (half the memory traffic),
`IVF1024,SQ8,RFlat` (8 bits, re-ranked exactly), `IVF1024_HNSW32,SQfp16` (a graph finds the lists).
Which number of lists, and how many of them a search probes, can be chosen by `lib.tuning`.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from . import vectors
from .errors import BadInput
from .files import read_text, sha256, write_text, writing

FILES = ("index.faiss", "ids.txt")
LISTS = "lists.ivfdata"  # of an index that was merged on disk, where a search finds them (lib.sharding)
RERANKED = 4  # candidates that a coarse search hands to an exact one, for each neighbour asked for
TRAINED_ON = 1 << 18  # rows that the lists and quantisers are learnt from, evenly spaced

# Lorentz distance grows with -<u, v>, so its nearest neighbours are those of the largest inner
# product once the query's time coordinate changes its sign.
METRICS = {
    "inner_product": faiss.METRIC_INNER_PRODUCT,
    "cosine": faiss.METRIC_INNER_PRODUCT,  # of vectors and queries scaled to length 1
    "l2": faiss.METRIC_L2,
    "lorentz": faiss.METRIC_INNER_PRODUCT,
}


def build(source: Path, factory: str, metric: str, out: Path, device: str = "cpu") -> None:
    """Index the vector folder `source` by a FAISS factory string and write index, ids and manifest to `out`."""
    xb, ids, about = vectors.load(source)
    write(out, populated(xb, factory, metric, str(source), device), ids, about, {"factory": factory, "metric": metric})


def populated(xb: vectors.Matrix, factory: str, metric: str, where: str, device: str = "cpu") -> Any:
    """The trained index over all rows of xb `(n, d)`, in memory a block of them at a time."""
    sample = xb[:: spacing(len(xb), TRAINED_ON)]
    index = trained(sample, factory, metric, where, device, of=len(xb))
    add(index, xb, metric, where)
    return index if device == "cpu" else faiss.index_gpu_to_cpu(index)


def spacing(n: int, sample: int) -> int:
    """Every how many rows of n are taken for a sample of at most this many."""
    return -(-n // sample)


def trained(xb: vectors.Matrix, factory: str, metric: str, where: str, device: str = "cpu", of: int = 0) -> Any:
    """An empty index whose lists and quantisers are learnt from xb `(n, d)`, a sample `of` so many rows."""
    try:
        index = faiss.index_factory(xb.shape[1], factory, METRICS[metric])
        if isinstance(index, faiss.IndexRefine):
            index.k_factor = RERANKED
        index = _placed(index, device)
        index.train(_rows(xb, metric, where))
    except RuntimeError as error:
        why = re.split(r"\.cpp:\d+: ", str(error))[-1]  # FAISS names its own source file first
        raise BadInput(f"{where}: no {factory} index can be built over {of} vectors ({why})") from None
    return index


def add(index: Any, xb: vectors.Matrix, metric: str, where: str, first: int | None = None) -> None:
    """Put xb `(n, d)` into the index, numbered from where it ends, or from `first` on."""
    for start, block in vectors.blocks(xb):
        rows = _rows(block, metric, where)
        if first is None:
            index.add(rows)
        else:
            index.add_with_ids(rows, np.arange(first + start, first + start + len(rows)))


def write(folder: Path, index: Any, ids: list[str], about: dict[str, Any], how: dict[str, Any]) -> None:
    """Index, ids and manifest as one folder; `about` is the vectors' manifest, `how` what a search must know."""
    with writing(folder) as temporary:
        temporary.mkdir()
        fill(temporary, index, ids, about, how)


def fill(folder: Path, index: Any, ids: list[str], about: dict[str, Any], how: dict[str, Any], *also: str) -> None:
    """As `write`, into a folder that is being written and already holds the files of `also`."""
    faiss.write_index(index, str(folder / "index.faiss"))
    write_text(folder / "ids.txt", "".join(f"{name}\n" for name in ids))
    kept = {key: value for key, value in about.items() if key != "files"}
    vectors.write_manifest(folder, (*FILES, *also), {**kept, "nlist": lists(index), **how})


def lists(index: Any) -> int | None:
    """How many inverted lists an index has, whatever stands around them; None when it has none."""
    try:
        return int(faiss.extract_index_ivf(index).nlist)
    except RuntimeError:
        return None


def set_nprobe(index: Any, nprobe: int) -> None:
    """How many lists a search looks into, whatever stands around them (a re-ranking, a rotation)."""
    faiss.ParameterSpace().set_index_parameter(index, "nprobe", nprobe)


def _placed(index: Any, device: str) -> Any:
    if device == "cpu":
        return index
    if not hasattr(faiss, "StandardGpuResources"):
        raise BadInput(f"device {device}: this FAISS has no GPU support, expected faiss-gpu-cu12 or device cpu")
    return faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), int(device.partition(":")[2] or 0), index)


def _rows(xb: vectors.Matrix, metric: str, where: str) -> NDArray[np.float32]:
    return np.ascontiguousarray(vectors.normalised(xb, where) if metric == "cosine" else xb, dtype=np.float32)


class Index:
    """A verified index with the ids of its rows; it probes as many lists as its manifest says, or `nprobe`."""

    def __init__(self, folder: Path, nprobe: int | None = None) -> None:
        self.folder, self.manifest = folder, vectors.read_manifest(folder, FILES)
        try:
            self.index = self._read()
        except RuntimeError:
            raise BadInput(f"{folder / 'index.faiss'}: not a FAISS index") from None
        self.ids = read_text(folder / "ids.txt").splitlines()
        counts = {self.index.ntotal, len(self.ids), self.manifest["n"]}
        if len(counts) > 1:
            raise BadInput(
                f"{folder}: index holds {self.index.ntotal}, ids {len(self.ids)}, manifest {self.manifest['n']}"
            )
        self.nprobe = nprobe or self.manifest.get("nprobe")
        self._probe()

    def _read(self) -> Any:
        """The index; lists that lie beside it are mapped into memory and not read."""
        file = str(self.folder / "index.faiss")
        if LISTS not in self.manifest["files"]:
            return faiss.read_index(file)
        vectors.read_manifest(self.folder, (LISTS,))
        index = faiss.read_index(file, faiss.IO_FLAG_SKIP_IVF_DATA)
        ivf: Any = faiss.extract_index_ivf(index)
        lists_on_disk: Any = faiss.downcast_InvertedLists(ivf.invlists)
        lists_on_disk.filename, lists_on_disk.read_only = str(self.folder / LISTS), True
        lists_on_disk.do_mmap()
        return index

    def _probe(self) -> None:
        nlist = lists(self.index)
        if nlist != self.manifest.get("nlist"):
            raise BadInput(f"{self.folder}: the index has {nlist} lists, manifest {self.manifest.get('nlist')}")
        if self.nprobe is not None:
            if nlist is None or self.nprobe > nlist:
                raise BadInput(f"{self.folder}: nprobe {self.nprobe}, but the index has {nlist or 'no'} lists")
            set_nprobe(self.index, self.nprobe)

    def require(self, model: Path, ids: Sequence[str], others: str) -> None:
        """BadInput when another model made it, or its ids are not these: `others` says what it holds instead."""
        if self.manifest.get("model_sha256") != sha256(model):
            raise BadInput(f"{self.folder}: built from another model than {model}")
        if self.ids != list(ids):
            raise BadInput(f"{self.folder}: holds {others}")

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
