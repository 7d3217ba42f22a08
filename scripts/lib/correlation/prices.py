"""Daily prices of contracts, read strictly from a folder of tables.

The folder has price tables, CSV or Parquet, in any number and with any overlap: date, close (0 to 1), and what names
the contract: contract, or name and perhaps state as in PredictIt's exports, or its title alone. Titles, and perhaps
event and end, stand beside the prices or in `contracts.csv`; without either, prices may be of the embedded sample's
contracts.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..errors import BadInput
from ..files import sha256
from ..parquet import check_rows, read_csv, read_table, select
from .source import Contract

SAMPLE = Path(__file__).parent / "sample"
CONTRACTS = "contracts.csv"
DATE = "%Y-%m-%d"
TOLD = ("title", "event", "end")


@dataclass(frozen=True)
class Panel:
    """Closes of c contracts on t dates, `(t, c)`, NaN where there was none; contracts in the order of their ids."""

    dates: list[str]
    contracts: list[Contract]
    closes: NDArray[np.float64]
    files: dict[str, str]
    untitled: int


def read(folder: Path) -> Panel:
    """BadInput when there is no price table, or a row of one is wrong or contradicts another."""
    tables = sorted(path for path in folder.glob("*") if path.suffix in (".csv", ".parquet") and path.name != CONTRACTS)
    if not tables:
        raise BadInput(f"{folder}: no price tables, expected CSV or Parquet files with contract, date, close")
    told = pl.concat([_prices(path) for path in tables])
    rows = told.select("contract", "date", "close").unique().sort("contract", "date", "close")
    if len(twice := rows.filter(pl.struct("contract", "date").is_duplicated())):
        contract, date, close = twice.row(0)
        raise BadInput(f"{folder}: contract {contract!r} has two closes on {date:{DATE}}, one is {close}")
    contracts, listed = _contracts(folder, told)
    untitled = set(rows["contract"]) - set(contracts)
    rows = rows.filter(~pl.col("contract").is_in(list(untitled)))
    if not len(rows):
        raise BadInput(f"{folder}: no price is of a contract in {CONTRACTS}, the first is {min(untitled)!r}")
    wide = rows.pivot(on="contract", index="date", values="close").sort("date")
    names = sorted(set(rows["contract"]))
    files = {path.name: sha256(path) for path in [*tables, *listed]}
    dates = [f"{date:{DATE}}" for date in wide["date"]]
    return Panel(dates, [contracts[name] for name in names], wide.select(names).to_numpy(), files, len(untitled))


def _contracts(folder: Path, told: pl.DataFrame) -> tuple[dict[str, Contract], list[Path]]:
    """Contracts by id, from beside the prices and from the file that is returned with them."""
    contracts: dict[str, Contract] = {}
    for row in told.select("contract", *TOLD).filter(pl.col("title").is_not_null()).unique().sort("contract").rows():
        contract = Contract(*row)
        if contracts.setdefault(contract.id, contract) != contract:
            raise BadInput(f"{folder}: contract {contract.id!r} has two titles, events or ends, expected one")
    listed = folder / CONTRACTS
    if not listed.is_file():
        listed = SAMPLE / CONTRACTS
        if contracts:
            return contracts, []
    return contracts | {contract.id: contract for contract in read_contracts(listed)}, [listed]


def read_contracts(path: Path) -> list[Contract]:
    """The contracts of a `contracts.csv`; BadInput names the first row that is wrong."""
    contracts: dict[str, Contract] = {}
    table = read_csv(path, ["contract", "title"], optional=["event", "end"])
    for number, row in enumerate(table.iter_rows(named=True), start=2):
        contract = Contract(row["contract"], row["title"], row.get("event"), row.get("end"))
        if not (contract.id or "").strip() or not (contract.title or "").strip():
            raise BadInput(f"{path}: row {number}: empty contract or title")
        if contract.id in contracts:
            raise BadInput(f"{path}: row {number}: contract {contract.id!r} stands twice")
        contracts[contract.id] = contract
    return list(contracts.values())


def _prices(path: Path) -> pl.DataFrame:
    """contract, date, close and TOLD of one table; state and name make a contract, as `wi_republican`."""
    read = read_table if path.suffix == ".parquet" else read_csv
    table = read(path, ["date", "close"], optional=["contract", "state", "name", *TOLD])
    if "contract" not in table.columns:
        table = table.with_columns(contract=_named(select(table, _naming(table.columns), path)))
    table = table.with_columns(
        *(pl.lit(None, dtype=pl.String).alias(name) for name in TOLD if name not in table.columns),
        row=pl.int_range(pl.len()) + 2,
        day=pl.col("date").cast(pl.String).str.to_date(DATE, strict=False),
        price=pl.col("close").cast(pl.Float64, strict=False),
    )
    wrongs = {
        "no contract": pl.col("contract").fill_null("") == "",
        "date {date!r}, expected one as 2020-03-06": pl.col("day").is_null(),
        "close {close}, must be in [0, 1]": ~pl.col("price").is_between(0, 1).fill_null(False),
    }
    check_rows(table, wrongs, path, "row {row}")
    kept = [pl.col(name).cast(pl.String) for name in TOLD]
    return table.select("contract", pl.col("day").alias("date"), pl.col("price").round(6).alias("close"), *kept)


def _naming(columns: list[str]) -> list[str]:
    """Which columns name a contract where none is called so."""
    if "name" not in columns and "title" in columns:
        return ["title"]
    return ["state", "name"] if "state" in columns else ["name"]


def _named(table: pl.DataFrame) -> pl.Series:
    text = table.select(pl.concat_str(pl.all(), separator=" ").str.to_lowercase()).to_series()
    return text.str.replace_all(r"[^a-z0-9]+", "_").str.strip_chars("_")
