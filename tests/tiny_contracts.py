"""A little world of contracts: events with exclusive outcomes, thresholds, and prices that move together as told."""

from pathlib import Path

import numpy as np
import polars as pl

from lib import files
from lib.correlation import preparing, splits
from lib.correlation.source import Contract, Measured, Source

CITIES = "Bern Chur Genf Thun Zug Basel Biel Brig Lugano Olten Sion Uster".split()  # noqa: SIM905
PARTIES = ("Red", "Blue")
SIZES = splits.Sizes(test_share=0.15, validation_share=0.15, seed=1)


def contracts() -> list[Contract]:
    """Two outcomes of each city's election."""
    return [
        Contract(
            f"{city}-{party}".lower(), f"Will the {party} candidate win {city} in 2024?", f"vote-{city}", "2024-11-05"
        )
        for city in CITIES
        for party in PARTIES
    ]


def source() -> Source:
    """Every pair: -0.6 within a city, +0.3 for one party in two cities, -0.3 for two, and a little noise."""
    noise = np.random.default_rng(1)
    known = sorted(contracts())
    pairs = []
    for at, a in enumerate(known):
        for b in known[at + 1 :]:
            same_party = a.id.split("-")[1] == b.id.split("-")[1]
            mean = -0.6 if a.event == b.event else 0.3 if same_party else -0.3
            value = float(np.round(mean + 0.05 * noise.standard_normal(), 4))
            halves = tuple(np.round(value + 0.05 * noise.standard_normal(2), 4).tolist())
            pairs.append(Measured(a.id, b.id, value, 0.05, 100, halves))
    return Source("sample", "a little world", {}, known, pairs, {"made_up": 0})


def write(folder: Path) -> Path:
    """The folder that prepare_contracts.py would write, strata told without an encoder."""
    made = source()
    kept, dropped = preparing.split(made, SIZES)
    same = [kept.event[pair.a] == kept.event[pair.b] for pair in kept.pairs]
    kept = preparing.Kept(
        kept.pairs, kept.sides, kept.contracts, kept.event, ["same_event" if one else "near" for one in same]
    )
    preparing.write(folder, made, kept, SIZES, dropped)
    return folder


def prices(folder: Path, days: int = 150) -> Path:
    """A folder of prices: every city's Red follows one mood and its own luck, Blue is the rest of a dollar."""
    folder.mkdir()
    rng = np.random.default_rng(2)
    mood = rng.standard_normal(days).cumsum() / 12
    dates = pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 1, 1) + pl.duration(days=days - 1), eager=True)
    rows = []
    for city in CITIES:
        logit = mood + rng.standard_normal(days).cumsum() / 12
        red = 1 / (1 + np.exp(-logit))
        for party, close in (("red", red), ("blue", 1 - red)):
            rows += [(f"{city.lower()}-{party}", date, round(price, 3)) for date, price in zip(dates, close)]
    table = pl.DataFrame(rows, schema=["contract", "date", "close"], orient="row")
    half = len(table) // 2
    table[: half + 100].write_csv(folder / "early.csv")  # the files overlap, as downloads do
    table[half:].write_parquet(folder / "late.parquet")
    listed = [(one.id, one.title, one.event, one.end) for one in contracts()]
    files.write_csv(folder / "contracts.csv", ["contract", "title", "event", "end"], listed)
    return folder
