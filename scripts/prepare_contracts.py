"""Read contract pairs with measured correlations from a source, split them, and write their tables.

Writes a folder: contracts.parquet (a row a contract), pairs.parquet (a row a pair: titles, correlation and its
error, stratum, reasoning, split) and source.json (where it all came from, what was left out and why, how reliable
the labels are, the hash of the split). Pairs of prices get their correlation here. The same source and flags give
the same bytes.
"""

from pathlib import Path

from lib import cli
from lib.correlation import preparing, sources
from lib.correlation.labels import Labels
from lib.correlation.splits import Sizes
from lib.correlation.titles import title_vectors


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--source", choices=sources.KINDS, default="sample", help="which correlations")
    parser.add_argument("--path", type=Path, help="folder of prices, file of pairs, or snapshot of a database")
    parser.add_argument("--encoder", default="minilm", help="says which titles are semantically near")
    parser.add_argument("--near", type=cli.fraction, default=0.6, help="cosine from which on two titles are near")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write")
    cli.add_knobs(parser, Labels, Sizes)
    args = parser.parse_args()
    sizes = cli.knobs(Sizes, args)

    source = sources.load(args.source, args.path, cli.knobs(Labels, args), sizes.seed)
    kept, dropped = preparing.split(source, sizes)

    kept = preparing.with_strata(kept, title_vectors(args.encoder, "correlation.data.encoder"), args.near)
    kept, beyond = preparing.resize(kept, sizes)

    about = preparing.write(args.out, source, kept, sizes, {**source.dropped, **dropped, **beyond})
    cli.log(f"contracts: {about['counts']}, left out {about['dropped']}")


if __name__ == "__main__":
    cli.run(main)
