"""What prepare_contracts.py made, as retrieval, training and evaluation read it.

Nothing is on two sides of the split: no pair, no contract, no event (all outcomes of one question) and no
title, two titles being the same when they have the same set of words. The random split beside it parts the
same pairs by lot; there contracts are on several sides, which is what it is there to show.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .. import files, leaks
from ..errors import BadInput
from ..near import normalized
from ..parquet import check_rows, read_table

PAIRS, CONTRACTS, SOURCE = "pairs.parquet", "contracts.parquet", "source.json"
SPLITS = ("train", "validation", "test")
STRATA = ("same_event", "near", "far")
TYPES = ("negative", "neutral", "positive")
TYPE_BOUND = 0.3  # from here on a correlation has a sign
CLOSE = 0.2  # an answer that is no farther off counts as right
PAIR_SCHEMA: dict[str, type[pl.DataType]] = {
    **dict.fromkeys(("id", "a", "b", "a_title", "b_title"), pl.String),
    **dict.fromkeys(("correlation", "error"), pl.Float64),
    "days": pl.Int64,
    **dict.fromkeys(("stratum", "correlation_type", "reasoning"), pl.String),
    "confidence": pl.Float64,
    **dict.fromkeys(("split", "split_random"), pl.String),
}
CONTRACT_SCHEMA: dict[str, type[pl.DataType]] = dict.fromkeys(("id", "title", "event", "end"), pl.String)

Rows = NDArray[np.int64]
Asked = tuple[list[str], list[str], list[str], list[str]]  # titles of A and of B, ids of A and of B


@dataclass(frozen=True)
class Pairs:
    """n pairs of contracts in the order of their ids.

    ids, a, b                   n strings each; a and b are the ids of the two contracts
    a_titles, b_titles          what the model reads
    a_events, b_events          (n,) str; contracts of one event stay on one side
    correlations                (n,) in [-1, 1]
    errors                      (n,) standard errors, NaN where the source knows none
    strata, types, reasonings   n strings each
    splits, random_splits       (n,) str: train, validation or test
    source                      what source.json says
    """

    ids: list[str]
    a: list[str]
    b: list[str]
    a_titles: list[str]
    b_titles: list[str]
    a_events: NDArray[np.str_]
    b_events: NDArray[np.str_]
    correlations: NDArray[np.float64]
    errors: NDArray[np.float64]
    strata: list[str]
    types: list[str]
    reasonings: list[str]
    splits: NDArray[np.str_]
    random_splits: NDArray[np.str_]
    source: dict[str, Any]

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, split: str, disjoint: bool = True) -> Rows:
        """Pairs of a split whose contracts and events are in no other; of the random split when not `disjoint`."""
        return np.flatnonzero((self.splits if disjoint else self.random_splits) == split)

    def asked(self, rows: Rows) -> Asked:
        """Some pairs as models read them."""
        columns = (self.a_titles, self.b_titles, self.a, self.b)
        a, b, a_ids, b_ids = ([column[row] for row in rows] for column in columns)
        return a, b, a_ids, b_ids


def type_of(correlation: float) -> str:
    """The word for a number, which therefore cannot contradict it."""
    return TYPES[1 + int(correlation >= TYPE_BOUND) - int(correlation <= -TYPE_BOUND)]


def load(folder: Path) -> Pairs:
    """Read the folder; BadInput when a file is missing, damaged, wrong or has something on two sides."""
    table = read_table(folder / PAIRS, PAIR_SCHEMA)
    contracts = read_table(folder / CONTRACTS, CONTRACT_SCHEMA)
    check(table, contracts, str(folder / PAIRS))
    event = dict(zip(contracts["id"], contracts["event"]))
    text = {name: table[name].to_list() for name, kind in PAIR_SCHEMA.items() if kind is pl.String}
    return Pairs(
        text["id"],
        text["a"],
        text["b"],
        text["a_title"],
        text["b_title"],
        np.array([event[a] for a in text["a"]], dtype=np.str_),
        np.array([event[b] for b in text["b"]], dtype=np.str_),
        table["correlation"].to_numpy(),
        table["error"].fill_null(float("nan")).to_numpy(),
        text["stratum"],
        text["correlation_type"],
        text["reasoning"],
        np.array(text["split"], dtype=np.str_),
        np.array(text["split_random"], dtype=np.str_),
        files.read_json(folder / SOURCE),
    )


def check(table: pl.DataFrame, contracts: pl.DataFrame, name: str) -> None:
    """BadInput naming the first pair that is wrong, or what is on two sides of the split."""
    known = contracts["id"].implode()
    wrongs: dict[str, pl.Expr] = {
        f"empty {column}": pl.col(column).fill_null("").str.strip_chars() == ""
        for column in ("id", "a_title", "b_title", "reasoning")
    }
    wrongs["stands twice"] = pl.col("id").is_duplicated()
    wrongs["of {a!r} with itself"] = pl.col("a") == pl.col("b")
    for side in ("a", "b"):
        wrongs[f"contract {{{side}!r}} is not in {CONTRACTS}"] = ~pl.col(side).fill_null("").is_in(known)
    wrongs["correlation {correlation}, must be in [-1, 1]"] = ~pl.col("correlation").is_between(-1, 1).fill_null(False)
    choices = {"stratum": STRATA, "correlation_type": TYPES, "split": SPLITS, "split_random": SPLITS}
    for column, words in choices.items():
        said = f"{column} {{{column}!r}}, expected one of {', '.join(words)}"
        wrongs[said] = ~pl.col(column).fill_null("").is_in(words)
    check_rows(table, wrongs, name, "pair {id!r}")
    for column in ("split", "split_random"):
        for split in SPLITS:
            if not (table[column] == split).any():
                raise BadInput(f"{name}: {column}: no pair in {split}, expected some in each of {', '.join(SPLITS)}")
    _refuse_leaks(table, contracts, name)


def _refuse_leaks(table: pl.DataFrame, contracts: pl.DataFrame, name: str) -> None:
    """BadInput with the count and the first example of what stands in two splits."""
    event = dict(zip(contracts["id"], contracts["event"]))
    both = [*zip(table["a"], table["a_title"], table["split"]), *zip(table["b"], table["b_title"], table["split"])]
    leaks.refuse("contracts", ((id, split) for id, _, split in both), name)
    leaks.refuse("events", ((event[id], split) for id, _, split in both), name)
    leaks.refuse("titles", ((normalized(title), split) for _, title, split in both), name)
