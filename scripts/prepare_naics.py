"""Read NAICS 2022 from the best source there is and write its tables.

Writes a folder: taxonomy.parquet (a row a code), entries.parquet (business descriptions and their
roles), exclusions.parquet (what a code does not cover, and which one does) and source.json (where
it all came from, how much of it there is, and what was removed). The same source and seed give
the same bytes.
"""

import argparse
from pathlib import Path

from lib import cli, files
from lib.naics import leaks, sources, splits, tables, taxonomy


def main() -> None:
    args = arguments()

    source = sources.load(args.source, args.folder, args.url)

    published = bool(source.roles)
    rule = splits.PACKAGED if source.kind == "packages" else splits.PUBLISHED
    titles = [node.title for node in source.nodes]
    roles = source.roles or splits.draw(source.entries, titles, rule, args.seed)
    source, removed = leaks.clear(source, roles)

    tree = tables.taxonomy_of(source)
    split = {"published": published, "sha256": splits.split_hash(source.entries, source.roles)}
    about = {"asked": args.source, "source": source.kind, "said": source.said, "files": source.files, "split": split}
    about |= {"counts": tables.counts(tree, source), "removed": removed}
    with files.writing(args.out) as folder:
        folder.mkdir()
        taxonomy.save(tree, folder / tables.TAXONOMY)
        tables.entry_table(source).write_parquet(folder / tables.ENTRIES)
        tables.exclusion_table(source).write_parquet(folder / tables.EXCLUSIONS)
        files.write_json(folder / tables.SOURCE, about)
    cli.log(f"naics: {about['counts']}, left out {removed}")


def arguments() -> argparse.Namespace:
    parser = cli.parser(__doc__)
    parser.add_argument("--folder", type=Path, help="with the four Census files, and perhaps entry_roles.csv")
    parser.add_argument("--source", choices=sources.KINDS, default="auto", help="auto takes the first of the others")
    parser.add_argument("--url", default=sources.URL, help="where the Census files are downloaded from")
    parser.add_argument("--seed", type=int, default=1, help="of the split, where the folder has no published roles")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write")
    return parser.parse_args()


if __name__ == "__main__":
    cli.run(main)
