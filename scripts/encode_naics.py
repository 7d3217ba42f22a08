"""Run the frozen base encoder once over every distinct text of the taxonomy and its entries.

Training starts from the states at the cut, so that no text passes the lower layers twice; the
vectors are what the raw baseline and the first stage start from.
"""

from pathlib import Path

from lib import cli, encoders, tokens
from lib.naics import bank, dataset, text_vectors, texts
from lib.naics.taxonomy import CHANNELS


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder made by prepare_naics.py")
    parser.add_argument("--encoder", default="minilm", help="packaged name, folder or hub id")
    parser.add_argument("--cut", type=int, default=4, help="lower layers that stay frozen")
    parser.add_argument("--max-lengths", type=cli.json_value, required=True, help="tokens by channel, as JSON")
    parser.add_argument("--token-cache", type=Path, required=True, help="folder that keeps token ids by content")
    parser.add_argument("--vectors", type=Path, required=True, help="safetensors: a unit vector for each text")
    parser.add_argument("--out", type=Path, required=True, help="safetensors: ids, and states at the cut")
    args = parser.parse_args()

    data = dataset.load(args.data)
    tokenizer, base = encoders.load(args.encoder, "naics.encoder.encoder")

    frozen, vectors = [], []
    for name, channel in zip(CHANNELS, data.texts):
        ids = tokens.cached(args.token_cache, tokenizer, channel.texts, args.max_lengths[name])
        cli.log(f"{name}: {len(channel.texts)} distinct texts, {len(ids.ids)} tokens")
        states, own = bank.freeze(base, ids, args.cut)
        frozen.append(states)
        vectors.append(own)

    about = {"encoder": args.encoder, "cut": args.cut, "max_lengths": args.max_lengths}
    bank.save(args.out, frozen, {**about, "texts": texts.fingerprint(data.texts)})
    text_vectors.save(args.vectors, vectors, data.texts, model=None)


if __name__ == "__main__":
    cli.run(main)
