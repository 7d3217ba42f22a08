"""Build a FAISS index over a folder of vectors; the index keeps the vectors' ids and provenance.

A factory string may leave the number of lists open ("IVF{nlist},SQfp16"): then number and probes are
those that reach --target-recall for --queries with the least work.
"""

from pathlib import Path

from lib import cli, index, tuning
from lib.compute import Compute
from lib.errors import BadInput
from lib.tuning import Tuning


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--vectors", type=Path, required=True, help="folder with vectors.npy, ids.txt, manifest.json")
    parser.add_argument("--queries", type=Path, help="folder of vectors to tune nlist and nprobe with")
    parser.add_argument("--factory", default="Flat", help="FAISS factory string")
    parser.add_argument("--metric", choices=sorted(index.METRICS), default="inner_product", help="what near means")
    parser.add_argument("--device", default="cpu", help="cpu, or cuda to build with faiss-gpu")
    parser.add_argument("--out", type=Path, required=True, help="folder of the index")
    cli.add_knobs(parser, Tuning)
    args = parser.parse_args()
    device = Compute(args.device).device

    if tuning.NLIST not in args.factory:
        index.build(args.vectors, args.factory, args.metric, args.out, device)
    elif args.queries is None:
        raise BadInput(f"--factory {args.factory}: expected --queries to choose the number of lists by")
    else:
        how = cli.knobs(Tuning, args)
        tuning.build(args.vectors, args.queries, args.factory, args.metric, how, args.out, device)


if __name__ == "__main__":
    cli.run(main)
