"""Correlations out of a database, in one read-only transaction, without a secret in any message.

Where it is comes from the environment: DATABASE_URL, any URL that SQLAlchemy reads, or the variables of Postgres.
Names of tables and columns are looked up in the database's own catalogue before they are used, and quoted by
SQLAlchemy: what is not the name of a table there never becomes SQL.
"""

import difflib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, make_url

from ..errors import BadInput
from .snapshot import SCHEMA

COLUMNS = (*SCHEMA, "is_active")
DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}
TIMEOUT = 10  # seconds to connect


def url_of(environment: Mapping[str, str]) -> URL:
    """The database that the environment names; BadInput when it names none."""
    if given := environment.get("DATABASE_URL"):
        try:
            url = make_url(given)
        except (sa.exc.ArgumentError, ValueError):  # whose message may hold the password
            raise BadInput("DATABASE_URL: not a URL that SQLAlchemy reads, expected dialect://user@host/name") from None
        return url.set(drivername=DRIVERS.get(url.drivername, url.drivername))
    if missing := [name for name in ("PGHOST", "PGDATABASE", "PGUSER") if not environment.get(name)]:
        raise BadInput(f"environment: {missing[0]} is not set, expected DATABASE_URL or PGHOST, PGDATABASE and PGUSER")
    try:
        port = int(environment.get("PGPORT") or 5432)
    except ValueError:
        raise BadInput(f"environment: PGPORT is {environment['PGPORT']!r}, expected a number") from None
    return URL.create(
        "postgresql+psycopg",
        environment["PGUSER"],
        environment.get("PGPASSWORD"),
        environment["PGHOST"],
        port,
        environment["PGDATABASE"],
    )


def export(url: URL, table: str, schema: str | None, columns: Mapping[str, str]) -> pl.DataFrame:
    """The active rows of the table as SCHEMA, the latest first; `columns` says what COLUMNS are called there.

    All rows are of one transaction. BadInput, one line without the password, when the database does not answer, lacks
    the table or a column, breaks off, or holds what is no correlation.
    """
    if unknown := sorted(set(columns) - set(COLUMNS)):
        raise BadInput(f"columns: unknown key {unknown[0]!r}, expected some of {', '.join(COLUMNS)}")
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():  # it would be created
        raise BadInput(f"database {_place(url)}: no such file")
    try:
        engine = sa.create_engine(url, connect_args=_patience(url), hide_parameters=True)
        with engine.connect() as connection, connection.begin():
            if url.get_backend_name() == "postgresql":
                connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
            rows = _rows(connection, _table(connection, table, schema, columns))
    except (sa.exc.NoSuchModuleError, ModuleNotFoundError):
        raise BadInput(f"database: no driver for {url.drivername}, expected postgresql+psycopg or sqlite") from None
    except sa.exc.SQLAlchemyError as error:
        raise BadInput(f"database {_place(url)}: {_reason(error, url)}") from None
    return _frame(rows, table)


def _patience(url: URL) -> dict[str, int]:
    return {"connect_timeout": TIMEOUT} if url.get_backend_name() == "postgresql" else {}


def _table(connection: Connection, table: str, schema: str | None, columns: Mapping[str, str]) -> sa.Select:
    """The query, of names that the catalogue has."""
    catalogue = sa.inspect(connection)
    if not catalogue.has_table(table, schema=schema):
        found = catalogue.get_table_names(schema=schema)
        raise BadInput(f"database: no table {table!r}{_hint(table, found)}")
    present = [column["name"] for column in catalogue.get_columns(table, schema=schema)]
    wanted = {name: columns.get(name, name) for name in COLUMNS}
    for name in wanted.values():
        if name not in present:
            raise BadInput(f"database: table {table!r} has no column {name!r}{_hint(name, present)}")
    source = sa.table(table, *(sa.column(name) for name in wanted.values()), schema=schema)
    told = [source.c[of].label(name) for name, of in wanted.items() if name != "is_active"]
    return sa.select(*told).where(source.c[wanted["is_active"]].in_([True]))


def _rows(connection: Connection, query: sa.Select) -> list[dict[str, Any]]:
    """Every row; fetched in parts, so that a large table is not held twice."""
    return [dict(row) for row in connection.execution_options(yield_per=10_000).execute(query).mappings()]


def _frame(rows: list[dict[str, Any]], table: str) -> pl.DataFrame:
    """Rows in an order that does not depend on the database: the latest first, then by everything else."""
    told = [
        {name: _number(row, name, table) if kind is pl.Float64 else _text(row[name]) for name, kind in SCHEMA.items()}
        for row in rows
    ]
    order = ["created_at", *(name for name in SCHEMA if name != "created_at")]
    latest_first = [name == "created_at" for name in order]
    return pl.DataFrame(told, schema=SCHEMA).sort(order, descending=latest_first, nulls_last=True)


def _number(row: dict[str, Any], name: str, table: str) -> float | None:
    value = row[name]
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, type(None))):
        pair = f"{row['contract_a_title']!r} and {row['contract_b_title']!r}"
        raise BadInput(f"{table}: {pair}: {name} is {value!r}, expected a number")
    return None if value is None else float(value)


def _text(value: Any) -> str | None:
    return None if value is None else value.isoformat() if hasattr(value, "isoformat") else str(value)


def _hint(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f", did you mean {near[0]!r}?" if near else f", expected one of: {', '.join(sorted(known)) or 'none there'}"


def _place(url: URL) -> str:
    """Host and name, or the file: never the user's password."""
    return f"{url.host}:{url.port}/{url.database}" if url.host else str(url.database)


def _reason(error: sa.exc.SQLAlchemyError, url: URL) -> str:
    """What the driver said, on one line, the password taken out should it be in it."""
    said = " ".join(str(getattr(error, "orig", None) or error).split())
    return said.replace(str(url.password), "***") if url.password else said
