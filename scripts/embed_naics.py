"""Run every text through a checkpoint, and place codes and the descriptions known to belong to them.

The points are what is indexed: a code's has the code as id, a description's `code/number`.
"""

import argparse
from pathlib import Path

import torch

from lib import checkpoint, cli, files, vectors
from lib.compute import Compute
from lib.naics import bank, dataset, embed, model, text_vectors
from lib.naics.taxonomy import CHANNELS
from lib.naics.texts import QUERY_CHANNEL


def main() -> None:
    args = arguments()
    machine, data = cli.knobs(Compute, args), dataset.load(args.data)
    _, base, network = model.load(args.checkpoint)
    base.to(machine.device)
    network.to(machine.device)

    if network.encoders:
        texts = bank.load(args.texts, data.texts, base, network.shape.encoder, network.shape.cut)
        with machine.autocast():
            encoded = texts.encode_all(network.encode)
    else:  # the head alone was trained, on the base's own vectors
        encoded = text_vectors.load(args.raw, data.texts, None)
    codes = embed.embed_codes(network.head, encoded, data.texts)
    known, owners = data.known()
    descriptions = embed.embed_descriptions(network.head, encoded, data.query_rows(known))

    ids = [*data.taxonomy.codes, *(f"{data.taxonomy.codes[owner]}/{number}" for number, owner in enumerate(owners))]
    about = {
        "kind": "naics codes",
        "geometry": network.shape.geometry,
        "max_length": checkpoint.read_metadata(args.texts)["max_lengths"][CHANNELS[QUERY_CHANNEL]],
        "model_sha256": files.sha256(args.checkpoint),
    }
    vectors.save(args.out, torch.cat([codes, descriptions]).cpu().numpy(), ids, about)
    text_vectors.save(args.vectors, encoded, data.texts, args.checkpoint)


def arguments() -> argparse.Namespace:
    parser = cli.parser(__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True, help="a stage's checkpoint")
    parser.add_argument("--data", type=Path, required=True, help="folder made by prepare_naics.py")
    parser.add_argument("--texts", type=Path, required=True, help="file made by encode_naics.py")
    parser.add_argument("--raw", type=Path, required=True, help="text vectors of the frozen base")
    parser.add_argument("--vectors", type=Path, required=True, help="safetensors: a unit vector for each text")
    parser.add_argument("--out", type=Path, required=True, help="folder of points")
    cli.add_knobs(parser, Compute)
    return parser.parse_args()


if __name__ == "__main__":
    cli.run(main)
