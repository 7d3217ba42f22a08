"""Training pairs as JSON: the seed's format, with hard negatives as a third column.

    texts1, texts2      what belongs together, n strings each
    labels              n ones; a foreign file may have zeros, which `read` turns into hard negatives
    phase_indicators    n numbers: 1 easy, 2 medium, 3 hard
    texts3              n strings or nulls: a text of another label that is easily confused; may be absent
    metadata            counts and thresholds; `groups` holds the label of each row, and may be absent

The ranking loss takes every row for a positive one and ignores labels: a row of label 0 would be
trained as a positive. So it never gets there.
"""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from .. import files
from ..cli import log
from ..errors import BadInput
from .phases import NAMES

COLUMNS = ("texts1", "texts2", "labels", "phase_indicators")
CALLED = {"texts1": "texts1", "texts2": "texts2", "labels": "labels", "phase_indicators": "phases", "texts3": "texts3"}
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Pairs:
    """n training pairs.

    anchors, positives  n texts each
    negatives           n hard negatives, None where there is none
    groups (n,)         number of each row's label
    phases (n,)         1 easy, 2 medium, 3 hard
    """

    anchors: list[str]
    positives: list[str]
    negatives: list[str | None]
    groups: Rows
    phases: Rows

    def __len__(self) -> int:
        return len(self.anchors)


def write(path: Path, columns: dict[str, list[Any]], metadata: dict[str, Any]) -> None:
    """Write texts1, texts2, texts3 and phase_indicators of pairs that belong together.

    A hard negative that other rows join with its anchor is left out: masking may leave tickets of two labels one text.
    """
    rows = [dict(zip(columns, values)) for values in zip(*columns.values())]
    component = _components(rows)
    negatives = [None if _contradicts(row, component) else row["texts3"] for row in rows]
    files.write_json(path, {**columns, "texts3": negatives, "labels": [1] * len(rows), "metadata": metadata})


def read(path: Path) -> Pairs:
    """Read and check; BadInput names the file and the first wrong row, counted from 0."""
    given = files.read_json(path)
    _check_columns(given, path)
    rows = [_row(given, at, path) for at in range(len(given["labels"]))]
    groups = given.get("metadata", {}).get("groups")
    if groups is not None and (not isinstance(groups, list) or len(groups) != len(rows)):
        found = f"{len(groups)} groups" if isinstance(groups, list) else "groups is no list"
        raise BadInput(f"{path}: {found}, expected {len(rows)} in metadata.groups, one a row")
    rows = [row if groups is None else {**row, "group": str(group)} for row, group in zip(rows, groups or rows)]
    rows = _joined(rows, path)
    for number, name in NAMES.items():
        if not any(row["phase_indicators"] == number for row in rows):
            raise BadInput(f"{path}: phase {number} ({name}) has no pairs, expected some in each of 1, 2 and 3")
    component = _components(rows)
    _refuse_contradictions(rows, component, path)
    labels = [component[row["texts1"]] if groups is None else row["group"] for row in rows]
    return Pairs(
        [row["texts1"] for row in rows],
        [row["texts2"] for row in rows],
        [row["texts3"] for row in rows],
        np.unique(labels, return_inverse=True)[1].astype(np.int64),
        np.array([row["phase_indicators"] for row in rows], dtype=np.int64),
    )


def _check_columns(given: Any, path: Path) -> None:
    """All columns are there, are lists and have one length."""
    if not isinstance(given, dict):
        raise BadInput(f"{path}: top level: {type(given).__name__}, expected an object with {', '.join(COLUMNS)}")
    for name in COLUMNS:
        if name not in given:
            raise BadInput(f"{path}: missing {name}, expected {', '.join(COLUMNS)}")
    if not isinstance(given.get("metadata", {}), dict):
        raise BadInput(f"{path}: metadata: {type(given['metadata']).__name__}, expected an object")
    for name in [*COLUMNS, *(["texts3"] if "texts3" in given else [])]:
        if not isinstance(given[name], list):
            raise BadInput(f"{path}: {name}: {type(given[name]).__name__}, expected a list")
        if len(given[name]) != len(given["labels"]):
            said = f"{len(given['labels'])} labels but {len(given[name])} {CALLED[name]}"
            raise BadInput(f"{path}: {said}, expected one of each a row")


def _row(given: dict[str, list[Any]], at: int, path: Path) -> dict[str, Any]:
    """One row with every value checked."""
    row = {name: given[name][at] for name in COLUMNS} | {"texts3": given["texts3"][at] if "texts3" in given else None}
    for name in ("texts1", "texts2", "texts3"):
        if not (isinstance(row[name], str) and row[name].strip()) and not (name == "texts3" and row[name] is None):
            raise BadInput(f"{path}: row {at}: {name} is {row[name]!r}, expected a text that is not empty")
    if isinstance(row["labels"], bool) or row["labels"] not in (0, 1):
        raise BadInput(f"{path}: row {at}: label {row['labels']!r}, expected 0 or 1")
    phase = row["phase_indicators"]
    if isinstance(phase, bool) or phase not in NAMES:
        raise BadInput(f"{path}: row {at}: phase {phase!r}, expected 1, 2 or 3")
    return row


def _joined(rows: list[dict[str, Any]], path: Path) -> list[dict[str, Any]]:
    """The rows of label 1, with the texts2 of each row of label 0 as hard negative of a row with the same texts1.

    A row is repeated when its texts1 has more negatives than rows. BadInput with the count when a
    row of label 0 has no row of label 1 to go to.
    """
    kept = [dict(row) for row in rows if row["labels"] == 1]
    negatives = [row for row in rows if row["labels"] == 0]
    if not kept:
        raise BadInput(f"{path}: all {len(rows)} labels are 0, expected pairs with label 1")
    of_anchor: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in kept:
        of_anchor[row["texts1"]].append(row)
    alone = [row for row in negatives if row["texts1"] not in of_anchor]
    if alone:
        said = f"{len(alone)} of {len(negatives)} rows with label 0 share their texts1 with no row of label 1"
        raise BadInput(f"{path}: {said}, the first is {alone[0]['texts1']!r}; expected hard negatives in texts3")
    repeated: list[dict[str, Any]] = []
    for negative in negatives:
        same = of_anchor[negative["texts1"]]
        free = [row for row in same if row["texts3"] is None]
        if not free:
            free = [dict(same[0])]
            repeated += free
        free[0]["texts3"] = negative["texts2"]
    if negatives:
        log(f"{path}: {len(negatives)} rows with label 0 became hard negatives of rows with label 1")
    return [*kept, *repeated]


def _components(rows: list[dict[str, Any]]) -> dict[str, int]:
    """The number of the component of every text that positive pairs join."""
    number = {text: at for at, text in enumerate(dict.fromkeys(row[key] for row in rows for key in COLUMNS[:2]))}
    ends = [[number[row[key]] for row in rows] for key in COLUMNS[:2]]
    graph = csr_matrix((np.ones(len(rows)), ends), shape=(len(number), len(number)))
    _, component = connected_components(graph, directed=False)
    return {text: int(component[at]) for text, at in number.items()}


def _contradicts(row: dict[str, Any], component: dict[str, int]) -> bool:
    """Whether the hard negative belongs together with its own anchor, by other rows."""
    return component.get(row["texts3"]) == component[row["texts1"]]


def _refuse_contradictions(rows: list[dict[str, Any]], component: dict[str, int], path: Path) -> None:
    """BadInput when a hard negative belongs together with its own anchor, by the file's own positives."""
    bad = [row for row in rows if _contradicts(row, component)]
    if bad:
        said = f"{len(bad)} hard negatives belong to their anchor by other rows, the first is {bad[0]['texts3']!r}"
        raise BadInput(f"{path}: {said}")
