"""Encode one shard of the chunks: whole articles, each chunk once. An interrupted run goes on where it was."""

from dataclasses import asdict
from pathlib import Path

from lib import cli, state, vectors
from lib.compute import Compute
from lib.mamba import dataset, encoding
from lib.mamba.encoding import Encoding


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder made by prepare_articles.py")
    parser.add_argument("--shard", type=cli.positive_int, default=1, help="which shard, from 1")
    parser.add_argument("--shards", type=cli.positive_int, default=1, help="of how many")
    parser.add_argument("--state", type=Path, required=True, help="folder where an unfinished run waits")
    parser.add_argument("--out", type=Path, required=True, help="folder of vectors")
    cli.add_knobs(parser, Compute, Encoding)
    args = parser.parse_args()
    how = cli.knobs(Encoding, args)

    name = f"embed-{args.shard}-of-{args.shards}"
    with state.state_folder(args.state, name, state.identity(Path(__file__).name, vars(args))) as folder:
        ids, texts = encoding.read_shard(args.data / dataset.CHUNKS, args.shard, args.shards)
        encode, digest = encoding.load(how, cli.knobs(Compute, args))
        about = {"kind": "shard", "shard": args.shard, "shards": args.shards, "encoder_sha256": digest, **asdict(how)}
        vectors.save_parts(args.out, encoding.resumed(texts, encode, folder, how.save_chunks), ids, about)
    cli.log(f"{name}: {len(ids)} chunks")


if __name__ == "__main__":
    cli.run(main)
