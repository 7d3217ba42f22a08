"""Place the codes and the descriptions known to belong to them as a checkpoint sees them: what is indexed.

A code's point has the code as id, a description's point `code/number`.
"""

from pathlib import Path

import torch

from lib import cli, files, vectors
from lib.naics import dataset, embed, head, text_vectors


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True, help="a stage's checkpoint")
    parser.add_argument("--vectors", type=Path, required=True, help="text vectors that the stage wrote beside it")
    parser.add_argument("--data", type=Path, required=True, help="folder made by prepare_naics.py")
    parser.add_argument("--out", type=Path, required=True, help="folder of points")
    args = parser.parse_args()

    data = dataset.load(args.data)
    network, shape, _ = head.load(args.checkpoint)
    encoded = text_vectors.load(args.vectors, data.texts, args.checkpoint)

    codes = embed.embed_codes(network, encoded, data.texts)
    known, owners = data.known()
    descriptions = embed.embed_descriptions(network, encoded, data.query_rows(known))
    ids = [*data.taxonomy.codes, *(f"{data.taxonomy.codes[owner]}/{number}" for number, owner in enumerate(owners))]
    about = {"kind": "naics codes", "geometry": shape.geometry, "model_sha256": files.sha256(args.checkpoint)}
    vectors.save(args.out, torch.cat([codes, descriptions]).numpy(), ids, about)


if __name__ == "__main__":
    cli.run(main)
