"""Read tickets from a source, clean and split them, and write their tables.

Writes a folder: tickets.parquet (a row a ticket: text, masked text, label, family, category, split), foreign.parquet
(another domain, to see what training forgets) and source.json (where it all came from, what was
left out and why, the hash of the split). The same source and flags give the same bytes.
"""

import argparse
from collections import Counter
from pathlib import Path

import polars as pl

from lib import cli, files
from lib.tickets import dataset, foreign, sources, splits


def main() -> None:
    args = arguments()
    sizes = cli.knobs(splits.Sizes, args)
    source = sources.load(args.source, args.folder, list(map(Path, args.files)), args.columns, sizes.min_group)

    tickets, repeats = splits.without_repeats(source.tickets)
    tickets, beyond = splits.resize(tickets, sizes)
    sides = splits.assign(tickets, sizes)

    rows = [(*ticket, side) for ticket, side in zip(tickets, sides)]
    order = ["id", "text", "masked", "group", "family", "category", "split"]
    table = pl.DataFrame(rows, schema=dict.fromkeys(order, pl.String), orient="row").sort("id")
    about = {
        "source": source.name,
        "said": source.said,
        "files": source.files,
        "dropped": source.dropped | repeats | beyond,
        "counts": counts(table),
        "split": {"seed": sizes.seed, "sha256": splits.split_hash(tickets, sides)},
    }
    dataset.check(table, str(args.out / dataset.TICKETS))
    with files.writing(args.out) as folder:
        folder.mkdir()
        table.write_parquet(folder / dataset.TICKETS)
        foreign.texts().write_parquet(folder / dataset.FOREIGN)
        files.write_json(folder / dataset.SOURCE, about)
    cli.log(f"tickets: {about['counts']}, left out {about['dropped']}")


def arguments() -> argparse.Namespace:
    parser = cli.parser(__doc__)
    parser.add_argument("--source", choices=sources.KINDS, default="incidents", help="which tickets")
    parser.add_argument("--folder", type=Path, help="with banking77/ and clinc150/, for these sources")
    parser.add_argument("--files", type=cli.json_value, default=[], help="source files: a JSON list of CSV or Parquet")
    parser.add_argument("--columns", type=cli.json_value, help="source files: a JSON map of what columns are called")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write")
    cli.add_knobs(parser, splits.Sizes)
    return parser.parse_args()


def counts(table: pl.DataFrame) -> dict[str, object]:
    """What source.json says of the amounts."""
    labelled = table.filter(pl.col("group").is_not_null())
    groups = Counter(split for split, _ in set(labelled.select("split", "group").iter_rows()))
    tickets = Counter(labelled["split"])
    return {
        "tickets": len(table),
        "unlabelled": len(table) - len(labelled),
        "tickets_by_split": {split: tickets[split] for split in dataset.SPLITS},
        "groups_by_split": {split: groups[split] for split in dataset.SPLITS},
    }


if __name__ == "__main__":
    cli.run(main)
