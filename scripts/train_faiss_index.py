"""Learn the lists and quantisers of an index from rows of all shards: the first step of an index by many jobs.

fill_faiss_index.py puts a shard into it, merge_faiss_index.py puts the shards together. What fits into one job is
build_faiss_index.py's.
"""

from pathlib import Path

from lib import cli, index, sharding


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("vectors", type=Path, nargs="+", help="folders of vectors, the shards in their order")
    parser.add_argument("--factory", default="IVF1024,SQfp16", help="FAISS factory string with inverted lists")
    parser.add_argument("--metric", choices=sorted(index.METRICS), default="inner_product", help="what near means")
    parser.add_argument("--sample", type=cli.positive_int, default=index.TRAINED_ON, help="rows to learn from, at most")
    parser.add_argument("--out", type=Path, required=True, help="folder of the empty index")
    args = parser.parse_args()
    sharding.train(args.vectors, args.factory, args.metric, args.out, args.sample)


if __name__ == "__main__":
    cli.run(main)
