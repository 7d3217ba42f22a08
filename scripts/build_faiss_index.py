"""Build a FAISS index over a folder of vectors; the index keeps the vectors' ids and provenance."""

from pathlib import Path

from lib import cli, index


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--vectors", type=Path, required=True, help="folder with vectors.npy, ids.txt, manifest.json")
    parser.add_argument("--factory", default="Flat", help="FAISS factory string")
    parser.add_argument("--metric", choices=sorted(index.METRICS), default="inner_product")
    parser.add_argument("--out", type=Path, required=True, help="folder of the index")
    args = parser.parse_args()
    index.build(args.vectors, args.factory, args.metric, args.out)


if __name__ == "__main__":
    cli.run(main)
