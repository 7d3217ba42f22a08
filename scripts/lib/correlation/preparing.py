"""From a source's pairs to the tables that all later steps read: sides, strata, sizes, reasoning."""

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from .. import files
from . import dataset, labels, reasoning, splits
from .dataset import CLOSE, SPLITS, STRATA, type_of
from .facts import facts
from .source import Contract, Measured, Source
from .splits import Sizes
from .titles import TitleVectors


@dataclass(frozen=True)
class Kept:
    """n pairs that lie within a side, with the event of every contract; `strata` is empty until they are known."""

    pairs: list[Measured]
    sides: list[str]
    contracts: dict[str, Contract]
    event: dict[str, str]
    strata: list[str]

    def names(self) -> list[str]:
        """Ids of the pairs."""
        return [f"{pair.a}|{pair.b}" for pair in self.pairs]

    def at(self, rows: list[int]) -> "Kept":
        """Some of the pairs."""
        return replace(
            self,
            pairs=[self.pairs[row] for row in rows],
            sides=[self.sides[row] for row in rows],
            strata=[self.strata[row] for row in rows],
        )


def split(source: Source, sizes: Sizes) -> tuple[Kept, dict[str, int]]:
    """The pairs within a side, in the order of their names, and how many crossed sides."""
    event = splits.events(source.contracts)
    pairs = sorted(source.pairs)
    used = (contract for pair in pairs for contract in (pair.a, pair.b))
    side_of = splits.assign(event, used, sizes.shares, sizes.seed)
    within = splits.within(pairs, event, side_of)
    rows = sorted((row, side) for side, found in within.items() for row in found)
    contracts = {contract.id: contract for contract in source.contracts}
    kept = Kept([pairs[row] for row, _ in rows], [side for _, side in rows], contracts, event, [])
    return kept, {"crossing_sides": len(pairs) - len(rows)}


def with_strata(kept: Kept, titles: TitleVectors, near: float) -> Kept:
    """Each pair's stratum: outcomes of one event, titles whose vectors have a cosine of `near` or more, all others."""
    used = sorted({contract for pair in kept.pairs for contract in (pair.a, pair.b)})
    unit = dict(zip(used, titles([kept.contracts[contract].title for contract in used])))
    strata = []
    for pair in kept.pairs:
        alike = float(np.dot(unit[pair.a], unit[pair.b])) >= near
        same = kept.event[pair.a] == kept.event[pair.b]
        strata.append("same_event" if same else "near" if alike else "far")
    return replace(kept, strata=strata)


def resize(kept: Kept, sizes: Sizes) -> tuple[Kept, dict[str, int]]:
    """At most `max_pairs` pairs, each split with its share of them, its strata balanced."""
    if sizes.max_pairs is None:
        return kept, {"beyond_max_pairs": 0}
    rows: list[int] = []
    names = kept.names()
    for side in SPLITS:
        own = [row for row, of in enumerate(kept.sides) if of == side]
        room = round(sizes.shares[side] * sizes.max_pairs)
        chosen = splits.cut([names[row] for row in own], [kept.strata[row] for row in own], room, sizes.seed)
        rows += [own[at] for at in chosen]
    return kept.at(sorted(rows)), {"beyond_max_pairs": len(kept.pairs) - len(rows)}


def write(out: Path, source: Source, kept: Kept, sizes: Sizes, dropped: dict[str, int]) -> dict[str, Any]:
    """Write the folder and return what source.json says."""
    table, contracts = _pairs(kept, sizes), _contracts(kept)
    dataset.check(table, contracts, str(out / dataset.PAIRS))
    lines = zip(*(table[column] for column in ("id", "a_title", "b_title", "correlation", "split", "split_random")))
    digest = hashlib.sha256("".join("\t".join(map(str, line)) + "\n" for line in lines).encode())
    about = {
        "source": source.name,
        "said": source.said,
        "files": source.files,
        "dropped": dropped,
        "counts": _counts(table, contracts),
        "reliability": _reliability(kept),
        "ceiling": _ceilings(table),
        "split": {"seed": sizes.seed, "sha256": digest.hexdigest()},
    }
    with files.writing(out) as folder:
        folder.mkdir()
        table.write_parquet(folder / dataset.PAIRS)
        contracts.write_parquet(folder / dataset.CONTRACTS)
        files.write_json(folder / dataset.SOURCE, about)
    return about


def _pairs(kept: Kept, sizes: Sizes) -> pl.DataFrame:
    by_lot = splits.at_random(kept.names(), sizes)
    rows = []
    for name, pair, side, stratum in zip(kept.names(), kept.pairs, kept.sides, kept.strata):
        titles = (kept.contracts[pair.a].title, kept.contracts[pair.b].title)
        said = pair.reasoning or reasoning.compose(pair, titles, stratum, facts(*titles))
        measured = (pair.correlation, pair.error, pair.days, stratum, type_of(pair.correlation))
        rows.append((name, pair.a, pair.b, *titles, *measured, said, pair.confidence, side, by_lot[name]))
    return pl.DataFrame(rows, schema=dataset.PAIR_SCHEMA, orient="row").sort("id")


def _contracts(kept: Kept) -> pl.DataFrame:
    used = sorted({contract for pair in kept.pairs for contract in (pair.a, pair.b)})
    rows = [(id, kept.contracts[id].title, kept.event[id], kept.contracts[id].end) for id in used]
    return pl.DataFrame(rows, schema=dataset.CONTRACT_SCHEMA, orient="row")


def _counts(table: pl.DataFrame, contracts: pl.DataFrame) -> dict[str, Any]:
    """What source.json says of the amounts."""
    found = Counter(zip(table["split"], table["stratum"]))
    return {
        "pairs": len(table),
        "contracts": len(contracts),
        "events": contracts["event"].n_unique(),
        "pairs_by_split": {
            side: {stratum: found[side, stratum] for stratum in STRATA if found[side, stratum]} for side in SPLITS
        },
        "near_zero": round(float(np.mean(table["correlation"].abs().to_numpy() <= CLOSE)), 4),  # what 0 gets right
    }


def _reliability(kept: Kept) -> dict[str, float | None]:
    """Of all pairs and of each stratum."""
    halves = np.array([pair.halves or (np.nan, np.nan) for pair in kept.pairs])
    strata = np.array(kept.strata)
    slices = {"all": strata != "", **{stratum: strata == stratum for stratum in STRATA}}
    return {name: labels.reliability(*halves[rows].T) for name, rows in slices.items()}


def _ceilings(table: pl.DataFrame) -> dict[str, dict[str, float | None]]:
    """Of the pairs of each split, disjoint and random, and of each stratum in it."""
    errors = table["error"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    values, strata = table["correlation"].to_numpy(), table["stratum"].to_numpy()
    found = {}
    for column, name in (("split", ""), ("split_random", "random ")):
        for side in SPLITS:
            own = (table[column] == side).to_numpy()
            slices = {"all": own, **{stratum: own & (strata == stratum) for stratum in STRATA}}
            found[name + side] = {key: labels.ceiling(values[rows], errors[rows]) for key, rows in slices.items()}
    return found
