"""A payload from its parts: the vectors of all shards, in the order of the chunks they belong to."""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from .. import files, vectors
from ..errors import BadInput
from ..parquet import read_table
from ..vectors import Matrix
from . import dataset


def merge(shards: Sequence[Path], data: Path, out: Path) -> None:
    """Write the payload; BadInput when a shard is damaged, missing, of other chunks or of another encoder."""
    loaded = [vectors.load(shard) for shard in shards]
    about = vectors.alike(shards, [manifest for _, _, manifest in loaded])
    ids = list(chain.from_iterable(names for _, names, _ in loaded))
    expected = read_table(data / dataset.CHUNKS, ["id"])["id"].to_list()
    if ids != expected:
        first = next((at for at, (one, other) in enumerate(zip(ids, expected)) if one != other), None)
        what = f"row {first} is {ids[first]!r}, expected {expected[first]!r}" if first is not None else "cut short"
        raise BadInput(f"{shards[0].parent}: {len(ids)} vectors for {len(expected)} chunks of {data}: {what}")
    source = files.read_json(data / dataset.SOURCE)
    parts = chain.from_iterable(_rows(matrix) for matrix, _, _ in loaded)
    vectors.save_parts(out, parts, ids, {**about, "kind": "payload", "source": source}, also=[data / dataset.CHUNKS])


def _rows(matrix: Matrix) -> Iterator[Matrix]:
    for _, block in vectors.blocks(matrix):
        yield block
