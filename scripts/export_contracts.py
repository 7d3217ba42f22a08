"""Export correlations from a database to a snapshot that no later change of the database alters.

The database is named by the environment: DATABASE_URL (any SQLAlchemy URL; sqlite:///contracts.db is a file), or
PGHOST, PGPORT, PGDATABASE, PGUSER, PGPASSWORD. Writes a folder: correlations.parquet and manifest.json with its hash.
All rows are of one transaction; if it breaks, nothing is written.
"""

import os
from pathlib import Path

from lib import cli
from lib.correlation import database, snapshot


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--table", default="contract_correlations", help="which table to read")
    parser.add_argument("--schema", help="of the table; the database's default if not given")
    parser.add_argument("--columns", type=cli.json_value, default={}, help="a JSON map of what columns are called")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write")
    args = parser.parse_args()

    table = database.export(database.url_of(os.environ), args.table, args.schema, args.columns)
    snapshot.save(args.out, table, {"table": args.table})
    cli.log(f"export: {len(table)} active rows of {args.table}")


if __name__ == "__main__":
    cli.run(main)
