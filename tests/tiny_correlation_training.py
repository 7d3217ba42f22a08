"""What training and prediction of correlations need: a few dozen pairs on disk, their index, and flags for training.

Two parties win or lose places: pairs of one party move together, pairs of two against each other, and most so in
one place. Places are events, so whole places are on one side of the split.
"""

import itertools
import json
import shlex
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

import polars as pl
from in_process import places, run

from lib import config, files, seeds
from lib.compute import Compute
from lib.correlation import dataset, objective
from lib.correlation.base import Shape
from lib.correlation.encoder import Head
from lib.correlation.losses import Loss
from lib.correlation.objective import Labelled, Plan
from lib.correlation.rag import SemanticRAG

MADE = {"--state": "state", "--history": "history.csv", "--out": "model"}  # what train_correlation.py writes
PLACES = {
    "train": ("Utah", "Ohio", "Maine", "Texas"),
    "validation": ("Iowa", "Idaho"),
    "test": ("Nevada", "Oregon"),
}
PLAN = Plan(2, 8, learning_rate=0.01, rag_top_k=3, save_seconds=0, eval_steps=2)
HEAD = Head(heads=2, hidden=8, directions=4)


class World:
    """The pairs and their index in a folder, and what is made of them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data, self.index = folder, write_data(folder / "data"), folder / "index"
        run("build_correlation_index.py", "--data", self.data, "--out", self.index)

    @cached_property
    def pairs(self) -> dataset.Pairs:
        return dataset.load(self.data)

    @cached_property
    def rag(self) -> SemanticRAG:
        return SemanticRAG(self.index).load()

    @cached_property
    def taught(self) -> Labelled:
        return objective.labelled(self.pairs, self.rag, "train", True, PLAN)

    @cached_property
    def held_out(self) -> Labelled:
        return objective.labelled(self.pairs, self.rag, "validation", True, PLAN)

    def training(self, **changes: object) -> list[str]:
        """Flags of train_correlation.py, but for where it writes: a few steps, a state after each."""
        return self._flags({"index": str(self.index)} | changes)

    def tuning(self, **changes: object) -> list[str]:
        """Flags of tune_correlation.py, but for where it writes."""
        return self._flags(changes)

    def _flags(self, changes: dict[str, object]) -> list[str]:
        known: dict[str, object] = {"data": str(self.data)}
        for kind in (Shape(max_length=512), HEAD, Loss(), PLAN, Compute()):
            known |= json.loads(json.dumps(asdict(kind)))
        return shlex.split(config.flags({"all": known | changes}, "all"))

    def trained(self, name: str, **changes: object) -> Path:
        """The folder of a run: model/, history.csv."""
        folder = self.folder / name
        run("train_correlation.py", *self.training(**changes), *places(folder, MADE))
        return folder


def write_data(folder: Path) -> Path:
    contracts, pairs = [], []
    for split, of_split in PLACES.items():
        own = [(f"{place}-{party}".lower(), place, party) for place in of_split for party in ("Red", "Blue")]
        contracts += [
            {"id": id, "title": f"Will the {party} candidate win {place}?", "event": place, "end": None}
            for id, place, party in own
        ]
        pairs += [_pair(split, one, other) for one, other in itertools.combinations(own, 2)]
    folder.mkdir(parents=True)
    pl.DataFrame(contracts, schema=dataset.CONTRACT_SCHEMA).write_parquet(folder / dataset.CONTRACTS)
    table = pl.DataFrame(sorted(pairs, key=lambda pair: pair["id"]), schema=dataset.PAIR_SCHEMA)
    table.write_parquet(folder / dataset.PAIRS)
    files.write_json(folder / dataset.SOURCE, {"source": "tiny", "said": "two parties in eight places"})
    return folder


def _pair(split: str, one: tuple[str, str, str], other: tuple[str, str, str]) -> dict[str, object]:
    id = f"{one[0]}|{other[0]}"
    base = 0.4 if one[2] == other[2] else -0.8 if one[1] == other[1] else -0.4
    correlation = round(base + 0.1 * seeds.generator(1, id).standard_normal(), 3)
    return {
        "id": id,
        "a": one[0],
        "b": other[0],
        "a_title": f"Will the {one[2]} candidate win {one[1]}?",
        "b_title": f"Will the {other[2]} candidate win {other[1]}?",
        "correlation": correlation,
        "error": 0.1,
        "days": 100,
        "stratum": "same_event" if one[1] == other[1] else "near",
        "correlation_type": dataset.type_of(correlation),
        "reasoning": f"{'One party' if one[2] == other[2] else 'Two parties'} in {one[1]} and {other[1]}.",
        "confidence": None,
        "split": split,
        "split_random": ("train", "train", "validation", "test")[seeds.derive(1, id) % 4],
    }
