"""Put the shards of embed_articles.py together with their chunks: the payload that all else reads.

One block of rows is in memory at a time, so that a payload may be larger than memory.
"""

from pathlib import Path

from lib import cli
from lib.mamba import merging


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("shards", type=Path, nargs="+", help="folders made by embed_articles.py, in their order")
    parser.add_argument("--data", type=Path, required=True, help="folder made by prepare_articles.py")
    parser.add_argument("--out", type=Path, required=True, help="folder of the payload")
    args = parser.parse_args()
    merging.merge(args.shards, args.data, args.out)


if __name__ == "__main__":
    cli.run(main)
