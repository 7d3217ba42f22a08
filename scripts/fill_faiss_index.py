"""Put one shard of vectors into an index of its own, with the lists that train_faiss_index.py learnt for all."""

from pathlib import Path

from lib import cli, sharding


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--trained", type=Path, required=True, help="folder made by train_faiss_index.py")
    parser.add_argument("--vectors", type=Path, required=True, help="folder of the shard's vectors")
    parser.add_argument("--shard", type=cli.positive_int, required=True, help="which of the shards, from 1")
    parser.add_argument("--out", type=Path, required=True, help="folder of the shard's index")
    args = parser.parse_args()
    sharding.fill(args.trained, args.vectors, args.shard, args.out)


if __name__ == "__main__":
    cli.run(main)
