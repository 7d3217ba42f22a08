"""Price tables as people have them, and the embedded sample against the figures it was made of."""

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import tiny_contracts
from refusals import refused

from lib import files
from lib.correlation import prices, sources
from lib.correlation.labels import Labels
from lib.errors import BadInput


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_contracts.prices(tmp_path_factory.mktemp("prices") / "tables")


@pytest.fixture
def changed(tmp_path):
    """A folder of two tables, one of which the test writes; what reading it says."""

    def read(text: str) -> str:
        (tmp_path / "contracts.csv").write_text("contract,title\nx,Will X win?\ny,Will Y win?\n")
        (tmp_path / "a.csv").write_text("contract,date,close\nx,2024-01-01,0.5\n")
        (tmp_path / "b.csv").write_text(text)
        return refused(prices.read, tmp_path).removeprefix(f"{tmp_path}/").removeprefix(f"{tmp_path}: ")

    return read


def test_overlapping_files_of_both_kinds_are_one_panel(folder):
    panel = prices.read(folder)
    assert len(panel.contracts) == 24 and len(panel.dates) == 150
    assert panel.dates == sorted(panel.dates)
    rows = pl.concat(
        [pl.read_csv(folder / "early.csv", try_parse_dates=True), pl.read_parquet(folder / "late.parquet")]
    )
    for contract, date, close in rows.sample(50, seed=1).iter_rows():
        column = [one.id for one in panel.contracts].index(contract)
        assert panel.closes[panel.dates.index(str(date)), column] == pytest.approx(close)


def test_prices_become_measured_pairs(folder):
    """Red and Blue of a city are a dollar together; cities share a mood."""
    source = sources.load("prices", folder, Labels(), 1)
    value = {(pair.a, pair.b): pair.correlation for pair in source.pairs}
    assert value["bern-blue", "bern-red"] < -0.99
    same = [r for (a, b), r in value.items() if a[:4] != b[:4] and a.split("-")[1] == b.split("-")[1]]
    other = [r for (a, b), r in value.items() if a[:4] != b[:4] and a.split("-")[1] != b.split("-")[1]]
    assert np.mean(same) > 0.2 and np.mean(other) < -0.2
    assert source.dropped == {"without_title": 0, "standing_still": 0, "too_few_common_days": 0}


def test_a_state_and_a_name_make_a_contract(tmp_path):
    (tmp_path / "x.csv").write_text("state,name,date,close\nWI,Republican,2020-01-01,0.4\nXX,Nobody,2020-01-01,0.4\n")
    panel = prices.read(tmp_path)
    assert [one.id for one in panel.contracts] == ["wi_republican"]
    assert panel.contracts[0].title == "Will the Republican candidate win Wisconsin in the 2020 presidential election?"
    assert panel.untitled == 1


def test_titles_may_stand_beside_the_prices(tmp_path):
    """One table is enough, without any other name for a contract."""
    rows = [(f"Will {who} win?", "race", f"2024-01-0{day}", day / 10) for who in "XY" for day in (1, 2)]
    files.write_csv(tmp_path / "all.csv", ["title", "event", "date", "close"], rows)
    panel = prices.read(tmp_path)
    assert [tuple(one) for one in panel.contracts] == [
        ("will_x_win", "Will X win?", "race", None),
        ("will_y_win", "Will Y win?", "race", None),
    ]
    assert panel.closes.tolist() == [[0.1, 0.1], [0.2, 0.2]] and list(panel.files) == ["all.csv"]
    (tmp_path / "more.csv").write_text("title,event,date,close\nWill x win?,race,2024-01-03,0.5\n")
    with pytest.raises(BadInput, match="contract 'will_x_win' has two titles, events or ends, expected one"):
        prices.read(tmp_path)


def test_the_sample_is_the_published_figures():
    """Where the development data is there: every close of every file, and nothing else."""
    published = Path(os.environ.get("SLUICE_DATA", "/nowhere")) / "contracts" / "demnom"
    if not published.is_dir():
        pytest.skip("SLUICE_DATA with contracts/demnom is not set")
    ours, theirs = prices.read(prices.SAMPLE), prices.read(published)
    assert ours.dates == theirs.dates and ours.contracts == theirs.contracts
    assert np.array_equal(ours.closes, theirs.closes, equal_nan=True)


def test_the_sample_holds_62_contracts_of_16_events():
    panel = prices.read(prices.SAMPLE)
    assert (len(panel.contracts), len({one.event for one in panel.contracts})) == (62, 16)
    assert np.nanmin(panel.closes) >= 0.01 and np.nanmax(panel.closes) <= 0.99
    assert len({one.title for one in panel.contracts}) == 62


# Rows 13, 15, 16


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("contract,date,close\nx,2024-01-02,1.7\n", "b.csv: row 2: close 1.7, must be in [0, 1]"),
        ("contract,date,close\nx,2024-01-02,high\n", "b.csv: row 2: close high, must be in [0, 1]"),
        ("contract,date,close\nx,2024-01-02,\n", "b.csv: row 2: close None, must be in [0, 1]"),
        ("contract,date,close\nx,02/01/2024,0.5\n", "b.csv: row 2: date '02/01/2024', expected one as 2020-03-06"),
        ("contract,date,close\n,2024-01-02,0.5\n", "b.csv: row 2: no contract"),
        ("contract,date,closing\nx,2024-01-02,0.5\n", "b.csv: missing column 'close', did you mean 'closing'?"),
        ("date,close\n2024-01-02,0.5\n", "b.csv: missing column 'name', expected one of: date, close"),
        ("contract,date,close\nx,2024-01-01,0.6\n", "contract 'x' has two closes on 2024-01-01, one is"),
        ("contract,date,close\nx,2024-01-02,0.5,9\n", "b.csv: damaged or not CSV ("),
        ("contract,date,close\nx,2024-01-02,0.5\ny,2024-02-30,0.5\n", "b.csv: row 3: date '2024-02-30', expected"),
    ],
)
def test_rows_13_15_a_price_table_that_is_wrong(changed, text, said):
    assert changed(text).startswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("contract,title\nx,\n", "row 2: empty contract or title"),
        ("contract,title\nx,Will X win?\nx,Will Y win?\n", "row 3: contract 'x' stands twice"),
        ("contract,titel\nx,Will X win?\n", "missing column 'title', did you mean 'titel'?"),
    ],
)
def test_rows_9_13_16_contracts_that_are_wrong(tmp_path, text, said):
    (tmp_path / "contracts.csv").write_text(text)
    path = tmp_path / "contracts.csv"
    assert refused(prices.read_contracts, path) == f"{path}: {said}"


def test_row_13_a_folder_without_prices_or_without_known_contracts(tmp_path):
    with pytest.raises(BadInput, match="no price tables, expected"):
        prices.read(tmp_path)
    (tmp_path / "x.csv").write_text("contract,date,close\nunheard,2024-01-02,0.5\n")
    with pytest.raises(BadInput, match=r"no price is of a contract in contracts\.csv, the first is 'unheard'"):
        prices.read(tmp_path)
