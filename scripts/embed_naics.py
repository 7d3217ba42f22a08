"""Place the codes and the entries known to belong to them as a checkpoint sees them: what is indexed.

A code's point has the code as id, an entry's point `code/number`.
"""

from pathlib import Path

import torch

from lib import cli, files, vectors
from lib.naics import bank, dataset, embed, model


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True, help="a stage's checkpoint")
    parser.add_argument("--data", type=Path, required=True, help="folder made by prepare_naics.py")
    parser.add_argument("--texts", type=Path, required=True, help="file made by encode_naics.py")
    parser.add_argument("--out", type=Path, required=True, help="folder of vectors")
    args = parser.parse_args()

    data = dataset.load(args.data)
    _, base, network, _ = model.load(args.checkpoint)
    shape = network.shape
    texts = bank.TextBank(bank.load(args.texts, data.texts, shape.encoder, shape.cut), base, shape.cut)

    codes = embed.embed_codes(network, texts, data.texts)
    known, owners = data.role("examples", "training")
    entries = embed.embed_descriptions(network, texts, data.query_rows(known))
    ids = [*data.taxonomy.codes, *(f"{data.taxonomy.codes[owner]}/{number}" for number, owner in enumerate(owners))]
    about = {"kind": "naics codes", "geometry": shape.geometry, "model_sha256": files.sha256(args.checkpoint)}
    vectors.save(args.out, torch.cat([codes, entries]).numpy(), ids, about)


if __name__ == "__main__":
    cli.run(main)
