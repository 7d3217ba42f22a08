"""Find the NAICS codes of a business description: python scripts/predict_naics.py "We grow soybeans"

With --file, one description a line; the answers come as one JSON line each with --json.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lib import cli, files, tokens
from lib.errors import BadInput
from lib.index import Index
from lib.naics import bank, model, taxonomy
from lib.naics.features import query_features
from lib.naics.geometry import Space
from lib.naics.retrieval import code_distances
from lib.naics.taxonomy import CHANNELS
from lib.naics.texts import QUERY_CHANNEL

BATCH = 256  # descriptions searched at once


def main() -> None:
    args = arguments()

    descriptions = cli.asked(args.descriptions, args.file, "description")
    tree = taxonomy.load(args.data / "taxonomy.parquet")
    tokenizer, base, network = model.load(args.checkpoint)
    index = open_index(args, tree, network.head.geometry)

    started = time.perf_counter()
    points = embed(tokenizer, base, network, descriptions, index.manifest["max_length"])
    batches = np.split(points, range(BATCH, len(points), BATCH))
    answers = [row for batch in batches for row in closest(tree, index, network.head.geometry, batch, args)]
    elapsed = time.perf_counter() - started

    for description, answer in zip(descriptions, answers):
        print(json.dumps({"description": description, "codes": answer}) if args.json else table(description, answer))
    cli.log(f"{1000 * elapsed / len(descriptions):.1f} ms a description after loading")


def arguments() -> argparse.Namespace:
    parser = cli.parser(__doc__)
    parser.add_argument("descriptions", nargs="*", help="what the establishments do")
    parser.add_argument("--file", type=Path, help="a text file with one description a line")
    parser.add_argument(
        "--checkpoint", type=Path, default=Path("results/naics/stage3.ckpt"), help="a stage's checkpoint"
    )
    parser.add_argument(
        "--index", type=Path, default=Path("results/naics/index"), help="folder made by build_faiss_index.py"
    )
    parser.add_argument("--data", type=Path, default=Path("results/naics/data"), help="folder made by prepare_naics.py")
    parser.add_argument("--level", type=int, choices=range(2, 7), default=6, help="digits of the codes to answer with")
    parser.add_argument("--top", type=cli.positive_int, default=5, help="codes for each description")
    parser.add_argument("--json", action="store_true", help="one JSON line for each description")
    return parser.parse_args()


def open_index(args: argparse.Namespace, tree: taxonomy.Taxonomy, space: Space) -> Index:
    """The index, refused when another checkpoint, taxonomy or metric made it."""
    index = Index(args.index)
    if index.manifest.get("model_sha256") != files.sha256(args.checkpoint):
        raise BadInput(f"{args.index}: built from another checkpoint than {args.checkpoint}")
    if index.ids[: len(tree)] != tree.codes:
        raise BadInput(f"{args.index}: holds other codes than {args.data}")
    if index.manifest["metric"] != space.metric:
        raise BadInput(f"{args.index}: metric {index.manifest['metric']}, expected {space.metric}")
    return index


@torch.no_grad()
def embed(tokenizer, base, network, descriptions: list[str], max_length: int) -> np.ndarray:
    """Points `(n, d + 1)` of descriptions, each alone in the examples channel."""
    texts = bank.FrozenTexts(tokens.tokenize(tokenizer, descriptions, max_length))
    asked = bank.TextBank([texts] * len(CHANNELS), base, network.shape.cut)
    vectors = asked.encode(network.encode, QUERY_CHANNEL, np.arange(len(descriptions)))
    return network.head(*query_features(vectors))[0].numpy()


def closest(tree: taxonomy.Taxonomy, index: Index, space: Space, points: np.ndarray, args: argparse.Namespace) -> list:
    """For each point the nearest codes of one level with title, path and score (minus the distance)."""
    scores, found = index.search(points, len(index.ids))
    to_all = np.empty(found.shape)
    np.put_along_axis(to_all, found, scores, axis=1)  # (q, codes and descriptions)
    owners = np.array([tree.row[name.split("/")[0]] for name in index.ids[len(tree) :]], dtype=np.int64)
    asked = np.flatnonzero(tree.level == args.level)
    columns = np.searchsorted(asked, tree.ancestors[owners, args.level - 2])
    to_codes = code_distances(space, to_all[:, asked], to_all[:, len(tree) :], columns)
    nearest = np.argsort(to_codes, axis=1, kind="stable")[:, : args.top]
    return [[described(tree, asked[n], row[n]) for n in order] for row, order in zip(to_codes, nearest)]


def described(tree: taxonomy.Taxonomy, row: int, distance: float) -> dict[str, Any]:
    path = [tree.nodes[tree.row[code]].title for code in tree.path(tree.codes[row])]
    return {"code": tree.codes[row], "title": path[-1], "path": path[:-1], "score": round(-float(distance), 4)}


def table(description: str, answer: list[dict[str, Any]]) -> str:
    lines = [f"{row['score']:8.3f}  {row['code']}  {row['title']}  ({' > '.join(row['path'])})" for row in answer]
    return "\n".join([description, *lines])


if __name__ == "__main__":
    cli.run(main)
