"""Where correlations come from: prices (the embedded sample's or yours), a file of measured pairs, a database."""

import hashlib
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..cli import log
from ..errors import BadInput
from ..files import check_keys, read_json, sha256
from ..near import normalized
from . import labels, prices, snapshot
from .labels import Labels
from .source import Contract, Measured, Source

KINDS = ("sample", "prices", "pairs", "database")
SAID = {
    "sample": "PredictIt prices of 62 contracts on the US elections of 2020, collected by kiernann/demnom (MIT)",
    "prices": "prices of {names}",
    "pairs": "measured pairs of {names}",
    "database": "{rows} rows of {table}, snapshot {sha}",
}
CANDIDATE_KEYS = ("question_a", "question_b", "rho")


def load(kind: str, path: Path | None, knobs: Labels, seed: int) -> Source:
    """The source of that kind, said on stderr; BadInput when it is not there or wrong."""
    if kind != "sample" and path is None:
        raise BadInput(f"correlation.data: source {kind} needs the key path")
    if kind == "pairs":
        source = _candidates(Path(str(path)))
    elif kind == "database":
        source = _snapshot(Path(str(path)))
    else:
        source = _priced(kind, prices.SAMPLE if kind == "sample" else Path(str(path)), knobs, seed)
    if not source.pairs:
        raise BadInput(f"{path or kind}: no pair has a correlation, expected some")
    log(f"correlation source: {source.said}")
    return source


def _priced(kind: str, folder: Path, knobs: Labels, seed: int) -> Source:
    panel = prices.read(folder)
    moved = labels.changes(panel.closes, knobs)
    found = labels.correlate(moved, knobs, seed)
    known = np.isfinite(found.values)
    ids = [contract.id for contract in panel.contracts]
    pairs = [
        Measured(ids[i], ids[j], value, _number(error), int(days), _halves(first, second))
        for i, j, value, error, days, first, second in zip(
            found.left[known],
            found.right[known],
            found.values[known].tolist(),
            found.errors[known].tolist(),
            found.days[known],
            found.first[known].tolist(),
            found.second[known].tolist(),
        )
    ]
    still = int(np.isnan(moved).all(axis=0).sum())
    all_pairs = math.comb(len(ids) - still, 2)
    dropped = {"without_title": panel.untitled, "standing_still": still, "too_few_common_days": all_pairs - len(pairs)}
    said = SAID[kind].format(names=f"{len(ids)} contracts in {folder.name}")
    return Source(kind, said, panel.files, panel.contracts, pairs, dropped)


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _halves(first: float, second: float) -> tuple[float, float] | None:
    return (first, second) if math.isfinite(first) and math.isfinite(second) else None


def _candidates(path: Path) -> Source:
    """A JSON object whose `candidates` have question_a, question_b and their correlation rho."""
    content = read_json(path)
    rows = content.get("candidates") if isinstance(content, dict) else None
    if not isinstance(rows, list):
        raise BadInput(f"{path}: missing candidates, expected a list of pairs")
    told = []
    for number, row in enumerate(rows):
        check_keys(row, CANDIDATE_KEYS, f"{path}: row {number}")
        told.append((row["question_a"], row["question_b"], row["rho"], None, None))
    contracts, pairs, dropped = by_title(told, str(path))
    return Source("pairs", SAID["pairs"].format(names=path.name), {path.name: sha256(path)}, contracts, pairs, dropped)


def _snapshot(folder: Path) -> Source:
    table, about = snapshot.load(folder)
    contracts, pairs, dropped = by_title(table.select(snapshot.TOLD).iter_rows(), str(folder / snapshot.TABLE))
    sha = about["files"][snapshot.TABLE]
    said = SAID["database"].format(rows=len(table), table=about["table"], sha=sha[:12])
    return Source("database", said, {snapshot.TABLE: sha}, contracts, pairs, dropped)


def by_title(rows: Iterable[Sequence[Any]], where: str) -> tuple[list[Contract], list[Measured], dict[str, int]]:
    """Contracts and pairs of rows (title, title, correlation, reasoning, confidence), in the order of the rows.

    Titles with the same words are one contract. Of rows about the same two contracts the first is kept.
    """
    contracts: dict[str, Contract] = {}
    pairs: dict[tuple[str, str], Measured] = {}
    dropped = {"repeats": 0, "of_one_contract": 0}
    for number, (first, second, correlation, reasoning, confidence) in enumerate(rows):
        place = f"{where}: row {number}"
        ids = [contracts.setdefault(c.id, c).id for c in (_titled(first, place), _titled(second, place))]
        value = _bounded(correlation, "correlation", -1, place)
        sure = None if confidence is None else _bounded(confidence, "confidence", 0, place)
        a, b = sorted(ids)
        reason = "of_one_contract" if a == b else "repeats" if (a, b) in pairs else None
        if reason:
            dropped[reason] += 1
        else:
            pairs[a, b] = Measured(a, b, value, reasoning=reasoning, confidence=sure)
    return list(contracts.values()), list(pairs.values()), dropped


def _titled(title: Any, place: str) -> Contract:
    if not isinstance(title, str) or not (words := normalized(title)):
        raise BadInput(f"{place}: title {title!r}, expected words")
    return Contract(hashlib.sha256(words.encode()).hexdigest()[:12], " ".join(title.split()))


def _bounded(value: Any, what: str, low: int, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= 1:
        raise BadInput(f"{place}: {what} {value!r}, must be in [{low}, 1]")
    return float(value)
