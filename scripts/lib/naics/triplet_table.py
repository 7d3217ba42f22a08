"""Triplets on disk: a folder of Parquet files with a row a triplet, and an index of where each pair's rows lie.

Columns anchor, positive, negative (uint16, rows of the taxonomy) and hardness (uint8). The rows of an
(anchor, positive) pair lie together in one row group, the hardest first, so that the index needs a
pair's place and eight counts, whatever the number of rows.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..errors import BadInput
from .curriculum import Curriculum, pairs
from .relations import HARDEST, Relations
from .sampling import BUCKETS
from .triplets import Pools

SCHEMA = pa.schema(
    [("anchor", pa.uint16()), ("positive", pa.uint16()), ("negative", pa.uint16()), ("hardness", pa.uint8())]
)
RUNS = ["anchor", "positive", "hardness"]  # long runs of equal values; negatives are not
GROUP_ROWS = 1 << 20
FILE_GROUPS = 64


@dataclass(frozen=True)
class Unit:
    """One row group: what is read at a time."""

    file: Path
    first: int
    rows: int

    def read(self, *columns: str) -> list[NDArray]:
        """Some columns of the group, `(rows,)` each; BadInput when the file is damaged."""
        try:
            frame = pl.scan_parquet(self.file).select(columns).slice(self.first, self.rows).collect()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise BadInput(f"{self.file}: damaged ({str(error).splitlines()[0]})") from None
        return [frame[column].to_numpy() for column in columns]


@dataclass(frozen=True)
class PairIndex:
    """Of P pairs, sorted: codes, row group, first row in it, all `(P,)`, and rows of each bucket, `(P, 8)`."""

    anchors: NDArray[np.uint16]
    positives: NDArray[np.uint16]
    units: NDArray[np.uint32]
    firsts: NDArray[np.uint32]
    sizes: NDArray[np.uint16]


def write(folder: Path, relations: Relations, curriculum: Curriculum, limit: int | None = None) -> int:
    """Write every triplet of the stage's pairs, or of evenly spread pairs with about `limit` rows; return the rows.

    Memory holds one row group.
    """
    pools = Pools(relations)
    groups = _row_groups(pools, *pairs(relations, curriculum), limit)
    for number in range(0, len(groups), FILE_GROUPS):
        name = folder / f"part-{number // FILE_GROUPS:05d}.parquet"
        with pq.ParquetWriter(name, SCHEMA, compression="zstd", use_dictionary=RUNS) as writer:
            for group in groups[number : number + FILE_GROUPS]:
                writer.write_table(pa.table(list(_enumerate(pools, *group)), schema=SCHEMA), 1 << 24)
    return sum(unit.rows for unit in find_units(folder))


def _row_groups(pools: Pools, anchors: NDArray, positives: NDArray, limit: int | None) -> list[list[NDArray]]:
    """[anchors, positives] of the pairs whose rows make a row group of about GROUP_ROWS."""
    rows = pools.counts(anchors, positives)
    if limit and limit < rows.sum():
        spread = np.linspace(0, len(rows) - 1, max(1, int(len(rows) * limit / rows.sum()))).astype(np.int64)
        anchors, positives, rows = anchors[spread], positives[spread], rows[spread]
    edges = np.flatnonzero(np.diff((rows.cumsum() - rows) // GROUP_ROWS)) + 1
    return [list(group) for group in zip(np.split(anchors, edges), np.split(positives, edges))]


def _enumerate(pools: Pools, anchors: NDArray, positives: NDArray) -> tuple[NDArray, ...]:
    """The four columns of all triplets of some pairs: each bucket's slice of the anchor's order, hardest first."""
    starts, ends = pools.bounds(anchors, positives)
    sizes = (ends - starts).ravel()  # (8 * pairs,)
    before = sizes.cumsum() - sizes
    positions = np.arange(sizes.sum()) + np.repeat(starts.ravel() - before, sizes)
    hardness = np.repeat(np.tile(np.array(BUCKETS, dtype=np.uint8), len(anchors)), sizes)
    pair = np.repeat(np.arange(len(anchors)), (ends - starts).sum(axis=1))
    negatives = pools.order[anchors[pair], positions]
    keep = pools.twin[negatives] != pools.twin[positives[pair]]
    return anchors[pair][keep], positives[pair][keep], negatives[keep], hardness[keep]


def find_units(path: Path) -> list[Unit]:
    """The row groups of a Parquet file, or of all of a folder's, in order; BadInput names a file that is none."""
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files or not files[0].is_file():
        raise BadInput(f"{path}: no Parquet file of triplets")
    units = []
    for file in files:
        try:
            footer = pq.read_metadata(file)
        except (pa.ArrowException, OSError) as error:
            raise BadInput(f"{file}: damaged or not Parquet ({str(error).splitlines()[0]})") from None
        if not footer.schema.to_arrow_schema().equals(SCHEMA):
            raise BadInput(f"{file}: columns {footer.schema.names}, expected {SCHEMA.names} as uint16 and uint8")
        rows = [footer.row_group(number).num_rows for number in range(footer.num_row_groups)]
        units += [Unit(file, first, count) for first, count in zip(np.cumsum([0, *rows]).tolist(), rows) if count]
    if not units:
        raise BadInput(f"{path}: no triplets")
    return units


def index(units: list[Unit], usable: NDArray[np.bool_]) -> PairIndex:
    """Find the usable pairs in one pass over the columns of runs; BadInput names a file that is out of order."""
    parts = [_index_unit(unit, number, usable) for number, unit in enumerate(units)]
    anchors, positives, numbers, firsts, sizes = (np.concatenate(columns) for columns in zip(*parts))
    order = np.lexsort((positives, anchors))
    found = PairIndex(anchors[order], positives[order], numbers[order], firsts[order], sizes[order])
    twice = (found.anchors[1:] == found.anchors[:-1]) & (found.positives[1:] == found.positives[:-1])
    if twice.any():
        at = twice.argmax()
        pair = f"{found.anchors[at]}, {found.positives[at]}"
        raise BadInput(f"{units[found.units[at]].file}: the rows of pair {pair} lie in two places")
    return found


def _index_unit(unit: Unit, number: int, usable: NDArray[np.bool_]) -> tuple[NDArray, ...]:
    anchors, positives, hardness = unit.read(*RUNS)
    if max(anchors.max(), positives.max()) >= len(usable) or not 1 <= hardness.min() <= hardness.max() <= HARDEST:
        raise BadInput(f"{unit.file}: a row of the taxonomy or a hardness is out of range")
    changes = (anchors[1:] != anchors[:-1]) | (positives[1:] != positives[:-1])
    runs = np.concatenate([[0], np.flatnonzero(changes | (hardness[1:] != hardness[:-1])) + 1])
    begins = np.concatenate([[True], changes[runs[1:] - 1]])  # of a pair, among the runs
    pair = begins.cumsum() - 1
    if (~begins[1:] & (np.diff(hardness[runs].astype(int)) > 0)).any():
        raise BadInput(f"{unit.file}: the rows of a pair are not sorted by hardness, the hardest first")
    sizes = np.zeros((pair[-1] + 1, len(BUCKETS)), dtype=np.uint16)
    sizes[pair, HARDEST - hardness[runs]] = np.diff(np.append(runs, len(anchors)))
    first = runs[begins]
    keep = usable[anchors[first], positives[first]]
    kept = first[keep]
    return anchors[kept], positives[kept], np.full(len(kept), number, np.uint32), kept.astype(np.uint32), sizes[keep]
