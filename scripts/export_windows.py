"""Draw questions from a split of a payload and write them as windows: five chunks, and the one that follows.

The .npz has the arrays of the original (context_sequences, target_vectors, truth_keys), with the
targets' ids and where they come from.
"""

from pathlib import Path

from lib import cli, files
from lib.mamba import payload, windows
from lib.mamba.dataset import SPLITS


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--payload", type=Path, required=True, help="folder made by merge_payload.py")
    parser.add_argument("--split", choices=SPLITS, default="test", help="whose chunks are asked for")
    parser.add_argument("--limit", type=cli.positive_int, default=5244, help="windows at most")
    parser.add_argument("--seed", type=int, default=1, help="of the draw")
    parser.add_argument("--out", type=Path, required=True, help="the windows, .npz")
    args = parser.parse_args()

    articles = payload.load(args.payload)
    targets = windows.draw(articles, args.split, args.limit, args.seed)
    told = {"payload_sha256": files.sha256(args.payload / "manifest.json"), "split": args.split, "seed": args.seed}
    windows.write(args.out, articles, targets, told)
    cli.log(f"{len(targets)} windows of {args.split}")


if __name__ == "__main__":
    cli.run(main)
