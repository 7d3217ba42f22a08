"""One index by many jobs: trained on rows of all shards, filled by a job a shard, merged list by list on disk.

No step holds all vectors: the first has a sample, each of the second the codes of its own shard, and the last copies
lists from file to file, which the kernel maps. What comes out finds the same rows with the same scores as the index
that `lib.index` builds in one piece, because each row has the same number, code and place in its list.

Factory strings with inverted lists alone can be merged (`IVF1024,SQfp16`, `OPQ48_192,IVF65536_HNSW32,PQ48`): not
`Flat`, and nothing that re-ranks.
"""

from collections.abc import Sequence
from itertools import accumulate, chain
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from . import index, vectors
from .errors import BadInput
from .files import read_text, sha256, writing
from .index import LISTS, Index


def train(shards: Sequence[Path], factory: str, metric: str, out: Path, sample: int = index.TRAINED_ON) -> None:
    """Write the empty index of these vector folders; its manifest says how many rows each has."""
    loaded = [vectors.load(shard) for shard in shards]
    about = vectors.alike(shards, [manifest for _, _, manifest in loaded])
    rows = [len(xb) for xb, _, _ in loaded]
    first = [0, *accumulate(rows)]
    step = index.spacing(first[-1], sample)
    taken = [xb[-start % step :: step] for start, (xb, _, _) in zip(first, loaded)]  # every step-th row of them all
    where = str(shards[0].parent)
    empty = index.trained(np.concatenate(taken), factory, metric, where, of=first[-1])
    if not isinstance(_innermost(empty), faiss.IndexIVF) or isinstance(_innermost(empty), faiss.IndexIVFPQR):
        raise BadInput(f"{where}: {factory} has no inverted lists to merge, expected IVF without re-ranking")
    index.write(out, empty, [], about, {"factory": factory, "metric": metric, "n": 0, "rows": rows})


def fill(trained: Path, shard: Path, number: int, out: Path) -> None:
    """Write the index of one shard, the `number`-th from 1 of those that `trained` was made for."""
    empty = Index(trained)
    rows, metric = empty.manifest["rows"], empty.manifest["metric"]
    xb, ids, about = vectors.load(shard)
    if not 1 <= number <= len(rows) or rows[number - 1] != len(xb):
        raise BadInput(f"{shard}: {len(xb)} vectors, expected shard {number} of {trained}, whose shards have {rows}")
    index.add(empty.index, xb, metric, str(shard), first=sum(rows[: number - 1]))
    told = {"factory": empty.manifest["factory"], "metric": metric, "trained_sha256": sha256(trained), "number": number}
    index.write(out, empty.index, ids, about, told)


def merge(trained: Path, filled: Sequence[Path], out: Path) -> None:
    """Write the index over all shards, its lists in a file of their own that a search maps into memory."""
    whole = Index(trained)
    rows, digest = whole.manifest["rows"], sha256(trained)
    parts = [_mapped(folder) for folder in filled]
    for number, (folder, (_, manifest)) in enumerate(zip(filled, parts), start=1):
        if (manifest["trained_sha256"], manifest["number"]) != (digest, number):
            raise BadInput(f"{folder}: shard {manifest['number']}, expected shard {number} filled from {trained}")
    if len(filled) != len(rows):
        raise BadInput(f"{trained}: {len(filled)} shards given, expected {len(rows)}")
    ids = list(chain.from_iterable(read_text(folder / "ids.txt").splitlines() for folder in filled))
    vectors.check_ids(ids, str(out))

    with writing(out) as temporary:
        temporary.mkdir()
        _join(whole.index, [part for part, _ in parts], temporary / LISTS)
        about = {key: value for key, value in whole.manifest.items() if key != "rows"}
        index.fill(temporary, whole.index, ids, about, {"n": len(ids)}, LISTS)


def _mapped(folder: Path) -> tuple[Any, dict[str, Any]]:
    """A shard's index, of which only what is looked at is read, and its manifest, verified."""
    manifest = vectors.read_manifest(folder, index.FILES)
    return faiss.read_index(str(folder / "index.faiss"), faiss.IO_FLAG_MMAP), manifest


def _join(whole: Any, parts: Sequence[Any], file: Path) -> None:
    """Give the empty index the lists of all parts, one list after the other, written to `file`."""
    ivf = faiss.extract_index_ivf(whole)
    joined: Any = faiss.OnDiskInvertedLists(ivf.nlist, ivf.code_size, str(file))
    of_parts = faiss.InvertedListsPtrVector()  # type: ignore[attr-defined]
    for part in parts:
        of_parts.push_back(faiss.extract_index_ivf(part).invlists)
    whole.ntotal = ivf.ntotal = joined.merge_from_multiple(of_parts.data(), of_parts.size(), False)
    ivf.replace_invlists(joined, True)
    joined.this.disown()  # the index frees it
    joined.filename = LISTS  # what is written names no folder


def _innermost(made: Any) -> Any:
    """The index behind a rotation or reduction of the vectors."""
    return faiss.downcast_index(made.index) if isinstance(made, faiss.IndexPreTransform) else made
