"""Write the triplets of a curriculum stage as Parquet files, for training that streams them.

Enumerates every negative of every (anchor, positive) pair; memory holds one row group. Training draws the
same triplets without any file; this is for whoever wants to look at them or to feed another program.
"""

from pathlib import Path

from lib import cli, files
from lib.naics import relations, tables, taxonomy, triplet_table
from lib.naics.curriculum import Curriculum


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder made by prepare_naics.py")
    parser.add_argument("--limit", type=cli.positive_int, help="about so many rows, of evenly spread pairs")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write")
    cli.add_knobs(parser, Curriculum)
    args = parser.parse_args()

    codes = taxonomy.load(args.data / tables.TAXONOMY)
    exclusions = tables.read_exclusions(args.data / tables.EXCLUSIONS, codes)
    related = relations.relate(codes, exclusions.select("code", "target").iter_rows())

    with files.writing(args.out) as folder:
        folder.mkdir()
        rows = triplet_table.write(folder, related, cli.knobs(Curriculum, args), args.limit)
    cli.log(f"naics: {rows} triplets")


if __name__ == "__main__":
    cli.run(main)
