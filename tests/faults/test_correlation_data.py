"""Faults of contract data through the real scripts: exit code 2, one line, nothing written.

The number in a test's name is its row in the table of faults. Databases (row 27), prices and indexes have theirs in
unit/correlation.
"""

import json
import shutil

import polars as pl
import pytest
import refusals
import tiny_contracts
from in_process import run

from lib.correlation import dataset, preparing, sources
from lib.correlation.labels import Labels
from lib.errors import BadInput
from lib.near import normalized

AN_OBJECT = "an object with question_a, question_b, rho"
SPLIT = ["--test-share", 0.15, "--validation-share", 0.15, "--seed", 1]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return tiny_contracts.write(tmp_path_factory.mktemp("contracts") / "data")


# The script on good input


def test_prices_become_tables_and_the_same_bytes_again(run_script, tmp_path):
    prices = tiny_contracts.prices(tmp_path / "prices")
    flags = ["--source", "prices", "--path", prices, *SPLIT]
    done = run_script("prepare_contracts.py", *flags, "--out", tmp_path / "a")
    assert done.returncode == 0, done.stderr
    run("prepare_contracts.py", *flags, "--out", tmp_path / "b")
    names = (dataset.PAIRS, dataset.CONTRACTS, dataset.SOURCE)
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in names)
    pairs = dataset.load(tmp_path / "a")
    assert pairs.source["dropped"]["crossing_sides"] + len(pairs) == 24 * 23 / 2
    assert pairs.source["reliability"]["all"] > 0.5 and 0 < pairs.source["ceiling"]["test"]["all"] <= 1
    same = pairs.ids.index("basel-blue|basel-red")
    assert pairs.reasonings[same].startswith("Exclusive outcomes of one event; r = -1.00 over 145 days, 95 % interval")


def test_the_most_pairs_are_kept_by_stratum(tmp_path):
    prices = tiny_contracts.prices(tmp_path / "prices")
    flags = ["--source", "prices", "--path", prices, *SPLIT, "--max-pairs", 40, "--out", tmp_path / "out"]
    run("prepare_contracts.py", *flags)
    pairs = dataset.load(tmp_path / "out")
    assert {split: len(pairs.rows(split)) for split in dataset.SPLITS} == {"train": 28, "validation": 6, "test": 6}
    train = [pairs.strata[row] for row in pairs.rows("train")]
    assert train.count("same_event") == 6  # all there are


# Rows 10, 15, 16: the tables


def refused(prepared, tmp_path, pair: int, **changes: object) -> str:
    """What reading says when one pair's columns are changed."""
    folder = tmp_path / "data"
    shutil.copytree(prepared, folder)
    table = pl.read_parquet(folder / dataset.PAIRS).with_row_index("at")
    for column, value in changes.items():
        told = pl.when(pl.col("at") == pair).then(pl.lit(value)).otherwise(pl.col(column))
        table = table.with_columns(told.cast(dataset.PAIR_SCHEMA[column]).alias(column))
    table.drop("at").write_parquet(folder / dataset.PAIRS)
    return refusals.refused(dataset.load, folder).removeprefix(f"{folder / dataset.PAIRS}: ")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"correlation": 1.7}, "pair 'basel-blue|basel-red': correlation 1.7, must be in [-1, 1]"),
        ({"correlation": float("nan")}, "pair 'basel-blue|basel-red': correlation nan, must be in [-1, 1]"),
        ({"correlation": None}, "pair 'basel-blue|basel-red': correlation None, must be in [-1, 1]"),
        ({"a_title": " "}, "pair 'basel-blue|basel-red': empty a_title"),
        ({"reasoning": None}, "pair 'basel-blue|basel-red': empty reasoning"),
        ({"b": "basel-blue"}, "pair 'basel-blue|basel-red': of 'basel-blue' with itself"),
        ({"b": "rome-red"}, "pair 'basel-blue|basel-red': contract 'rome-red' is not in contracts.parquet"),
        ({"stratum": "close"}, "pair 'basel-blue|basel-red': stratum 'close', expected one of same_event, near, far"),
        ({"split": "dev"}, "pair 'basel-blue|basel-red': split 'dev', expected one of train, validation, test"),
        (
            {"split_random": None},
            "pair 'basel-blue|basel-red': split_random None, expected one of train, validation, test",
        ),
    ],
)
def test_rows_13_15_16_a_pair_that_is_wrong(prepared, tmp_path, changes, said):
    assert refused(prepared, tmp_path, 0, **changes).replace("'None'", "None") == said


def test_row_9_a_pair_that_stands_twice(prepared, tmp_path):
    ids = pl.read_parquet(prepared / dataset.PAIRS)["id"]
    assert refused(prepared, tmp_path, 1, id=ids[0]) == f"pair {ids[0]!r}: stands twice"


def test_row_10_a_pair_on_another_side_than_its_contracts(prepared, tmp_path):
    """The first pair is of Basel, whose other pairs have one side; the script that reads refuses, too."""
    other = {"train": "test", "test": "train", "validation": "train"}[dataset.load(prepared).splits[0]]
    said = "2 contracts are on two sides of the split, the first is 'basel-blue'"
    assert refused(prepared, tmp_path, 0, split=other) == said


def test_row_10_an_event_on_two_sides(prepared, tmp_path):
    folder = tmp_path / "data"
    shutil.copytree(prepared, folder)
    pairs = dataset.load(folder)
    train, test = (pairs.a[pairs.rows(split)[0]] for split in ("train", "test"))
    contracts = pl.read_parquet(folder / dataset.CONTRACTS)
    moved = pl.when(pl.col("id").is_in([train, test])).then(pl.lit("one vote")).otherwise(pl.col("event"))
    contracts.with_columns(moved.alias("event")).write_parquet(folder / dataset.CONTRACTS)
    with pytest.raises(BadInput, match="1 events are on two sides of the split, the first is 'one vote'"):
        dataset.load(folder)


def test_row_10_a_title_on_two_sides_in_other_words_order(prepared, tmp_path):
    pairs = dataset.load(prepared)
    train, test = (int(pairs.rows(split)[0]) for split in ("train", "test"))
    shuffled = " ".join(reversed(pairs.a_titles[train].upper().split()))
    said = refused(prepared, tmp_path, test, a_title=shuffled)
    assert said == f"1 titles are on two sides of the split, the first is {normalized(shuffled)!r}"


def test_row_16_a_split_without_pairs(prepared, tmp_path):
    folder = tmp_path / "data"
    shutil.copytree(prepared, folder)
    table = pl.read_parquet(folder / dataset.PAIRS).filter(pl.col("split") != "validation")
    table.write_parquet(folder / dataset.PAIRS)
    with pytest.raises(
        BadInput, match="split: no pair in validation, expected some in each of train, validation, test"
    ):
        dataset.load(folder)


# Rows 11, 12, 13, 15, 16: files of measured pairs


def told(tmp_path, content: object) -> str:
    path = tmp_path / "pairs.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return refusals.refused(sources.load, "pairs", path, Labels(), 1).removeprefix(f"{path}: ")


def candidate(**changes: object) -> dict[str, object]:
    made = {"question_a": "Will it rain?", "question_b": "Will it snow?", "rho": 0.5} | changes
    return {"candidates": [{key: value for key, value in made.items() if value != "absent"}]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"candidates": "\xfc"}', "not UTF-8 at byte 16"),
        (b'{"candidates": [', "line 1 column 17: Expecting value"),
        (b'{"candidates": [{"rho": NaN}]}', "NaN is not JSON, expected a finite number or null"),
        ({"pairs": []}, "missing candidates, expected a list of pairs"),
        ([], "missing candidates, expected a list of pairs"),
        ({"candidates": []}, "no pair has a correlation, expected some"),
        (candidate(rho="absent"), f"row 0: missing rho, expected {AN_OBJECT}"),
        (candidate(question_a="absent"), f"row 0: missing question_a, expected {AN_OBJECT}"),
        (candidate(rho=1.7), "row 0: correlation 1.7, must be in [-1, 1]"),
        (candidate(rho="high"), "row 0: correlation 'high', must be in [-1, 1]"),
        (candidate(rho=None), "row 0: correlation None, must be in [-1, 1]"),
        (candidate(rho=True), "row 0: correlation True, must be in [-1, 1]"),
        (candidate(question_b=" ?"), "row 0: title ' ?', expected words"),
        (candidate(question_b=7), "row 0: title 7, expected words"),
        (candidate(question_b="rain it will"), "no pair has a correlation, expected some"),
    ],
)
def test_rows_11_12_13_15_16_a_file_of_pairs(tmp_path, content, said):
    assert told(tmp_path, content) == said


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--source", "prices"], "correlation.data: source prices needs the key path"),
        (["--encoder", "no-such-encoder"], "correlation.data.encoder: 'no-such-encoder' is no folder and no hub id"),
    ],
)
def test_rows_13_25_what_is_asked_for_is_not_there(run_script, tmp_path, flags, said):
    end = run_script("prepare_contracts.py", *flags, *SPLIT, "--out", tmp_path / "out")
    assert (end.returncode, end.stdout) == (2, "")
    assert end.stderr.splitlines()[-1].startswith(f"prepare_contracts.py: {said}")
    assert "Traceback" not in end.stderr and not list(tmp_path.iterdir())


def test_row_16_too_few_events_for_three_sides(tmp_path):
    pairs = {"candidates": [{"question_a": "Will Ann win?", "question_b": "Will Bob win?", "rho": 0.5}]}
    (tmp_path / "pairs.json").write_text(json.dumps(pairs))
    source = sources.load("pairs", tmp_path / "pairs.json", Labels(), 1)
    with pytest.raises(BadInput, match=r"1 events, expected more, so that .* has some too"):
        preparing.split(source, tiny_contracts.SIZES)
