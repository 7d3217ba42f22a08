"""A trained model as its users have it: two titles in, a number with interval and confidence out, words on demand.

model = load(Path("results/correlation/model"))
model.predict(["Will A win?"], ["Will B win?"]).numbers
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .. import files
from ..compute import Compute
from . import readers
from .answer import Answer
from .base import Shape
from .calibration import Calibration
from .encoder import Head
from .evidence import Ids, gather
from .numbers import Distribution
from .rag import SemanticRAG
from .reader import Reader, distribution

ABOUT, INDEX = "reader.json", "index"

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Predictions:
    """n pairs: expected correlations, 90 % intervals (n, 2), chances of being within 0.2, and what argmax would say."""

    numbers: Array
    intervals: Array
    confidences: Array
    argmax: Array


class CorrelationModel:
    """A reader, the known pairs it may consult, and what validation taught about its doubts."""

    def __init__(self, reader: Reader, rag: SemanticRAG, top_k: int, calibration: Calibration) -> None:
        self.reader, self.rag, self.top_k, self.calibration = reader, rag, top_k, calibration

    def predict(
        self, a_titles: Sequence[str], b_titles: Sequence[str], a_ids: Ids = None, b_ids: Ids = None
    ) -> Predictions:
        """The numbers of n pairs; the ids of their contracts, where known, keep retrieval from those contracts."""
        return self._judge(distribution(self.reader, gather(self.rag, self.top_k, a_titles, b_titles, a_ids, b_ids)))

    def answers(
        self, a_titles: Sequence[str], b_titles: Sequence[str], reasoning: bool = False, max_new_tokens: int = 256
    ) -> list[Answer]:
        """What the API says of n pairs, with words for each if asked for."""
        evidence = gather(self.rag, self.top_k, a_titles, b_titles)
        found = self._judge(distribution(self.reader, evidence))
        return [
            Answer(
                float(number),
                float(found.confidences[row]),
                (float(found.intervals[row, 0]), float(found.intervals[row, 1])),
                self.reader.explain(evidence, row, float(number), max_new_tokens) if reasoning else None,
            )
            for row, number in enumerate(found.numbers)
        ]

    def _judge(self, found: Distribution) -> Predictions:
        intervals, confidences = self.calibration.intervals(found), self.calibration.confidences(found)
        return Predictions(found.mean, intervals, confidences, found.mode)


def load(folder: Path, machine: Compute | None = None) -> CorrelationModel:
    """The model of a folder, which holds all it needs; BadInput names the file that is missing or damaged."""
    about, where = files.read_json(folder / ABOUT), str(folder / ABOUT)
    files.check_keys(about, ("shape", "head", "calibration", "top_k"), where)
    shape = files.as_dataclass(Shape, about["shape"], f"{where}: shape")
    head = files.as_dataclass(Head, about["head"], f"{where}: head")
    calibration = files.as_dataclass(Calibration, about["calibration"], f"{where}: calibration")
    reader = readers.load(folder, shape, head, machine or Compute())
    return CorrelationModel(reader, SemanticRAG(folder / INDEX).load(), about["top_k"], calibration)
