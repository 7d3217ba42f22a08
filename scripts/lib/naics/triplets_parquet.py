"""Triplets of a curriculum, streamed from Parquet files of any size in bounded memory.

Row groups are read in windows of a few, in an order drawn anew each epoch; the pairs of a window are
shuffled, and each draws its negatives from its own rows.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .. import seeds
from ..errors import BadInput
from .curriculum import Curriculum, epoch_order, usable
from .relations import HARDEST, Relations
from .sampling import draw
from .triplet_table import find_units, index
from .triplets import Triplets

WINDOW = 4  # row groups whose negatives are in memory together


@dataclass(frozen=True)
class Plan:
    """An epoch: `pairs` `(P,)` in the order they are drawn, and the window of each.

    `begin` is how many pairs the epochs before had; `units` are the row groups, WINDOW to a window.
    """

    epoch: int
    begin: int
    units: NDArray[np.int64]
    pairs: NDArray[np.int64]
    windows: NDArray[np.int64]


class ParquetSource:
    """The batches of ImplicitSource's distribution, out of files that `triplet_table.write` makes.

    Steps asked in rising order stream; any step gives the same batch to whoever asks.
    """

    def __init__(self, path: Path, relations: Relations, curriculum: Curriculum, seed: int) -> None:
        self.path, self.curriculum, self.seed = path, curriculum, seed
        self.held_out, self.wanted = relations.held_out, curriculum.wanted
        self.units = find_units(path)
        self.index = index(self.units, usable(relations, curriculum))
        self._check_enough()
        self._plan = self._draw_plan(0, 0)
        self._window = (-1, -1)  # (epoch, number) of the one in memory
        self._negatives = np.empty(WINDOW * max(unit.rows for unit in self.units), dtype=np.uint16)
        self._offsets = np.zeros(len(self.units), dtype=np.int64)  # of a row group in it

    def batch(self, step: int) -> Triplets:
        """Batch `step`: `triplet_batch` pairs and k_negatives each."""
        begin, size = step * self.curriculum.triplet_batch, self.curriculum.triplet_batch
        parts = []
        rng = seeds.generator(self.seed, "triplets/negatives/0", step)
        while size:
            pairs = self._next(begin, size)
            parts.append(self._draw(pairs, rng))
            begin, size = begin + len(pairs), size - len(pairs)
        anchors, positives, negatives, hardness = (np.concatenate(columns) for columns in zip(*parts))
        return Triplets(anchors, positives, negatives, hardness)

    def _draw(self, pairs: NDArray[np.int64], rng: np.random.Generator) -> tuple[NDArray, ...]:
        """The columns of a batch for some pairs of the window in memory."""
        at, sizes = self.index, self.index.sizes[pairs].astype(np.int64)
        first = self._offsets[at.units[pairs]] + at.firsts[pairs]
        positions, columns = draw(first[:, None] + sizes.cumsum(axis=1) - sizes, sizes, self.wanted, rng)
        negatives = self._negatives[positions].astype(np.int64)
        if negatives.max() >= len(self.held_out) or self.held_out[negatives].any():
            raise BadInput(f"{self.path}: a negative is of a held-out family or unknown: a file of another taxonomy")
        hardness = (HARDEST - columns).astype(np.uint8)
        return at.anchors[pairs].astype(np.int64), at.positives[pairs].astype(np.int64), negatives, hardness

    def _next(self, begin: int, size: int) -> NDArray[np.int64]:
        """At most `size` pairs from place `begin` of the endless sequence, their window loaded."""
        if begin < self._plan.begin:
            self._plan = self._draw_plan(0, 0)
        while begin >= self._plan.begin + len(self._plan.pairs):
            self._plan = self._draw_plan(self._plan.epoch + 1, self._plan.begin + len(self._plan.pairs))
        at = begin - self._plan.begin
        window = self._plan.windows[at]
        self._load(int(window))
        end = min(at + size, np.searchsorted(self._plan.windows, window, side="right"))
        return self._plan.pairs[at:end]

    def _draw_plan(self, epoch: int, begin: int) -> Plan:
        order = epoch_order(self.index.anchors, self.curriculum.max_positives, self.seed, epoch)
        units = seeds.generator(self.seed, "triplets/row groups", epoch).permutation(len(self.units))
        window_of = np.argsort(units) // WINDOW  # by row group
        windows = window_of[self.index.units[order]]
        by_window = np.argsort(windows, kind="stable")
        return Plan(epoch, begin, units, order[by_window], windows[by_window])

    def _load(self, window: int) -> None:
        if self._window == (self._plan.epoch, window):
            return
        self._window = (self._plan.epoch, window)
        units = self._plan.units[window * WINDOW : (window + 1) * WINDOW]
        counts = np.array([self.units[unit].rows for unit in units])
        self._offsets[units] = counts.cumsum() - counts
        with ThreadPoolExecutor(WINDOW) as pool:  # polars lets go of the interpreter while it decodes
            for unit, (negatives,) in zip(units, pool.map(lambda unit: self.units[unit].read("negative"), units)):
                self._negatives[self._offsets[unit] :][: len(negatives)] = negatives

    def _check_enough(self) -> None:
        if not len(self.index.anchors):
            raise BadInput(f"{self.path}: no pair of the curriculum")
        fewest = self.index.sizes.sum(axis=1).min()
        if fewest < self.curriculum.k_negatives:
            wanted = f"k_negatives {self.curriculum.k_negatives}"
            raise BadInput(f"{self.path}: a pair has only {fewest} negatives, expected {wanted}")
