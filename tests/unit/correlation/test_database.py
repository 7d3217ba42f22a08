"""Exports from real databases: a PostgreSQL started here, and SQLite. Row numbers are those of the table of faults."""

import os
import sqlite3
import subprocess
import sys

import polars as pl
import pytest
import refusals
import sqlalchemy as sa
from postgres import PASSWORD, server

from lib.correlation import database, snapshot, sources
from lib.errors import BadInput
from lib.provenance import SCRIPTS

HOSTILE = 'pairs"; DROP TABLE kept; --'
TABLE = """
CREATE TABLE {name} (
  id INTEGER PRIMARY KEY, contract_a_title TEXT, contract_b_title TEXT, underlying_event_correlation {number},
  correlation_type TEXT, correlation_reasoning TEXT, analysis_confidence {number}, is_active BOOLEAN,
  created_at TIMESTAMP)
"""
ROWS = [
    (1, "Will Ann win?", "Will Bob win?", -0.8, "negative", "One seat.", 0.9, True, "2025-01-01 00:00:00"),
    (2, "Will Bob win?", "Will Ann win?", -0.5, "negative", "Seen later.", 0.7, True, "2025-02-01 00:00:00"),
    (3, "Will it rain?", "Will Ann win?", 0.1, "none", None, None, True, None),
    (4, "Will it snow?", "Will Ann win?", 0.9, "positive", "Withdrawn.", 0.9, False, "2025-03-01 00:00:00"),
    (5, "Robert'); DROP TABLE kept;--", "Will it rain?", 0.25, "none", "A quote's \u00e9.", 0.5, True, None),
]


@pytest.fixture(scope="module")
def postgres():
    with server() as environment:
        engine = sa.create_engine(database.url_of(environment))
        with engine.begin() as connection:
            for name in ("contract_correlations", '"pairs""; DROP TABLE kept; --"'):
                connection.exec_driver_sql(TABLE.format(name=name, number="NUMERIC"))
                for row in ROWS:
                    marks = ", ".join(["%s"] * len(row))
                    connection.exec_driver_sql(f"INSERT INTO {name} VALUES ({marks})", row)
            connection.exec_driver_sql("CREATE TABLE kept (id INTEGER)")
        engine.dispose()
        yield environment


@pytest.fixture
def lite(tmp_path):
    path = tmp_path / "contracts.db"
    with sqlite3.connect(path) as connection:
        connection.execute(TABLE.format(name="contract_correlations", number="REAL"))
        marks = ", ".join("?" * len(ROWS[0]))
        connection.executemany(f"INSERT INTO contract_correlations VALUES ({marks})", ROWS)
    return path


def exported(environment, table="contract_correlations", columns=None) -> pl.DataFrame:
    return database.export(database.url_of(environment), table, None, columns or {})


def refused(environment, *arguments) -> str:
    said = refusals.refused(exported, environment, *arguments)
    assert PASSWORD not in said
    return said


def test_both_databases_give_the_same_rows_the_latest_first(postgres, lite):
    ours = exported(postgres)
    theirs = exported({"DATABASE_URL": f"sqlite:///{lite}"})
    assert ours.drop("created_at").rows() == theirs.drop("created_at").rows()
    assert ours["correlation_reasoning"].to_list() == ["Seen later.", "One seat.", "A quote's \u00e9.", None]
    assert ours["underlying_event_correlation"].to_list() == [-0.5, -0.8, 0.25, 0.1]


def test_a_snapshot_becomes_contracts_and_pairs_of_which_the_latest_count(lite, tmp_path):
    snapshot.save(tmp_path / "snapshot", exported({"DATABASE_URL": f"sqlite:///{lite}"}), {"table": "t"})
    source = sources.load("database", tmp_path / "snapshot", sources.Labels(), 1)
    assert source.dropped == {"repeats": 1, "of_one_contract": 0}
    found = {pair.correlation: (pair.confidence, pair.reasoning) for pair in source.pairs}
    assert found == {-0.5: (0.7, "Seen later."), 0.25: (0.5, "A quote's \u00e9."), 0.1: (None, None)}
    assert len(source.contracts) == 4


def test_row_2_a_snapshot_that_somebody_changed(lite, tmp_path):
    snapshot.save(tmp_path / "snapshot", exported({"DATABASE_URL": f"sqlite:///{lite}"}), {"table": "t"})
    path = tmp_path / "snapshot" / snapshot.TABLE
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(BadInput, match="sha256 differs from the manifest"):
        snapshot.load(tmp_path / "snapshot")


# Injection: a name is looked up, never pasted


def test_a_hostile_name_that_is_a_table_is_read_as_one(postgres):
    assert exported(postgres, HOSTILE).rows() == exported(postgres).rows()
    assert still_there(postgres)


@pytest.mark.parametrize("table", ["x; DROP TABLE kept", "contract_correlations; DROP TABLE kept", "kept--"])
def test_a_hostile_name_that_is_none_is_no_sql(postgres, table):
    assert refused(postgres, table).startswith(f"database: no table {table!r}, ")
    assert still_there(postgres)


def test_a_hostile_column_is_no_sql(postgres):
    name = "id FROM kept; DROP TABLE kept; --"
    said = refused(postgres, "contract_correlations", {"contract_a_title": name})
    assert said.startswith(f"database: table 'contract_correlations' has no column {name!r}, ")
    assert still_there(postgres)


def still_there(environment) -> bool:
    engine = sa.create_engine(database.url_of(environment))
    found = sa.inspect(engine).has_table("kept")
    engine.dispose()
    return found


# Row 27


def test_row_27_the_database_is_down(postgres):
    said = refused({**postgres, "PGPORT": "1"})
    assert said.startswith("database 127.0.0.1:1/postgres: ") and "refused" in said


def test_row_27_a_wrong_password(postgres):
    said = refused({**postgres, "PGPASSWORD": "wr0ng-and-secret"})
    assert 'password authentication failed for user "sluice"' in said
    assert "wr0ng-and-secret" not in said


def test_row_27_a_missing_table_and_a_missing_column(postgres):
    assert refused(postgres, "contract_correlation") == (
        "database: no table 'contract_correlation', did you mean 'contract_correlations'?"
    )
    assert refused(postgres, "contract_correlations", {"is_active": "active"}) == (
        "database: table 'contract_correlations' has no column 'active', did you mean 'is_active'?"
    )
    assert refused(postgres, "contract_correlations", {"titel": "x"}).startswith("columns: unknown key 'titel', ")


def test_row_27_a_transaction_cut_while_rows_come(postgres, tmp_path):
    """The server ends the session at row 30,000; the export of before stays, byte for byte."""
    engine = sa.create_engine(database.url_of(postgres))
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE VIEW long AS SELECT n AS id, 'A' || n AS contract_a_title, 'B' AS contract_b_title, "
            "0.1 AS underlying_event_correlation, 'none' AS correlation_type, '' AS correlation_reasoning, "
            "0.5 AS analysis_confidence, CASE WHEN n = 30000 THEN pg_terminate_backend(pg_backend_pid()) ELSE true END "
            "AS is_active, now() AS created_at FROM generate_series(1, 40000) AS n"
        )
    engine.dispose()
    before = snapshot.TABLE, b"the export of before"
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / before[0]).write_bytes(before[1])
    end = script(postgres, "--table", "long", "--out", tmp_path / "out")
    assert end.returncode == 2 and end.stderr.count("\n") == 1, end.stderr
    assert end.stderr.startswith("export_contracts.py: database 127.0.0.1:") and "terminat" in end.stderr
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == dict([before])


def test_row_27_what_a_command_says_holds_no_secret(postgres, tmp_path):
    url = f"postgresql://sluice:{PASSWORD}x@127.0.0.1:{postgres['PGPORT']}/postgres"
    end = script({"DATABASE_URL": url}, "--out", tmp_path / "out")
    assert end.returncode == 2 and "Traceback" not in end.stderr
    assert PASSWORD not in end.stdout + end.stderr
    assert not list(tmp_path.iterdir())


def script(environment, *arguments) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "DATABASE"))}
    command = [sys.executable, str(SCRIPTS / "export_contracts.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=clean | environment)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "environment: PGHOST is not set, expected DATABASE_URL or PGHOST, PGDATABASE and PGUSER"),
        ({"PGHOST": "h", "PGDATABASE": "d"}, "environment: PGUSER is not set"),
        ({"PGHOST": "h", "PGDATABASE": "d", "PGUSER": "u", "PGPORT": "x"}, "environment: PGPORT is 'x'"),
        ({"DATABASE_URL": "s3cret-p4ss at home"}, "DATABASE_URL: not a URL that SQLAlchemy reads"),
        ({"DATABASE_URL": "oracle9://u:s3cret-p4ss@h/d"}, "database: no driver for oracle9"),
        ({"DATABASE_URL": "sqlite:////nowhere/contracts.db"}, "database /nowhere/contracts.db: no such file"),
    ],
)
def test_row_27_an_environment_that_names_no_database(environment, said):
    assert refused(environment).startswith(said)


def test_row_15_a_correlation_that_is_text(lite):
    with sqlite3.connect(lite) as connection:
        connection.execute("UPDATE contract_correlations SET underlying_event_correlation = 'high' WHERE id = 3")
    assert refused({"DATABASE_URL": f"sqlite:///{lite}"}) == (
        "contract_correlations: 'Will it rain?' and 'Will Ann win?': underlying_event_correlation is 'high', "
        "expected a number"
    )
