"""Put the indexes of all shards together, list by list from file to file: the index may be larger than memory."""

from pathlib import Path

from lib import cli, sharding


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("shards", type=Path, nargs="+", help="folders made by fill_faiss_index.py, in their order")
    parser.add_argument("--trained", type=Path, required=True, help="folder made by train_faiss_index.py")
    parser.add_argument("--out", type=Path, required=True, help="folder of the index")
    args = parser.parse_args()
    sharding.merge(args.trained, args.shards, args.out)


if __name__ == "__main__":
    cli.run(main)
