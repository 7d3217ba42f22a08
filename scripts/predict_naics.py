"""Find the NAICS codes of a business description: python scripts/predict_naics.py "We grow soybeans"

With --file, one description a line; the answers come as one JSON line each with --json.
"""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from lib import cli, files, tokens
from lib.errors import BadInput
from lib.index import Index
from lib.naics import bank, model, taxonomy
from lib.naics.features import query_features, unit_vectors
from lib.naics.texts import QUERY_CHANNEL


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("descriptions", nargs="*", help="what the establishments do")
    parser.add_argument("--file", type=Path, help="a text file with one description a line")
    parser.add_argument("--checkpoint", type=Path, default=Path("results/naics/stage3.ckpt"))
    parser.add_argument("--index", type=Path, default=Path("results/naics/index"))
    parser.add_argument("--data", type=Path, default=Path("results/naics/data"))
    parser.add_argument("--level", type=int, choices=range(2, 7), default=6, help="digits of the codes to answer with")
    parser.add_argument("--top", type=cli.positive_int, default=5, help="codes for each description")
    parser.add_argument("--max-length", type=cli.positive_int, default=32, help="tokens of a description")
    parser.add_argument("--json", action="store_true", help="one JSON line for each description")
    args = parser.parse_args()

    descriptions = read(args)
    tree = taxonomy.load(args.data / "taxonomy.parquet")
    index = open_index(args)
    tokenizer, base, network, _ = model.load(args.checkpoint)

    started = time.perf_counter()
    points = embed(tokenizer, base, network, descriptions, args.max_length)
    answers = [closest(tree, index, point, args.level, args.top) for point in points]
    elapsed = time.perf_counter() - started

    for description, answer in zip(descriptions, answers):
        print(json.dumps({"description": description, "codes": answer}) if args.json else table(description, answer))
    cli.log(f"{1000 * elapsed / len(descriptions):.1f} ms a description after loading")


def read(args) -> list[str]:
    lines = [*args.descriptions, *(files.read_text(args.file).splitlines() if args.file else ())]
    descriptions = [line.strip() for line in lines if line.strip()]
    if not descriptions:
        raise BadInput("no description given, expected one as an argument or a --file with one a line")
    return descriptions


def open_index(args) -> Index:
    """The index, refused when another checkpoint made it."""
    index = Index(args.index)
    if index.manifest["model_sha256"] != files.sha256(args.checkpoint):
        raise BadInput(f"{args.index}: built from another checkpoint than {args.checkpoint}")
    return index


def embed(tokenizer, base, network, descriptions: list[str], max_length: int) -> np.ndarray:
    """Points `(n, d + 1)` of descriptions, each alone in the examples channel."""
    frozen = bank.freeze(base, tokens.tokenize(tokenizer, descriptions, max_length), network.shape.cut)
    channels = [frozen] * (QUERY_CHANNEL + 1)
    vectors = unit_vectors(
        bank.TextBank(channels, base, network.shape.cut), network.encoders, QUERY_CHANNEL, np.arange(len(descriptions))
    )
    return network.head(*query_features(vectors))[0].detach().numpy()


def closest(tree: taxonomy.Taxonomy, index: Index, point: np.ndarray, level: int, top: int) -> list[dict[str, Any]]:
    """The nearest codes of one level with title, path and score (the negative distance's ordering)."""
    scores, rows = index.search(point[None], len(index.ids))
    found = []
    for score, row in zip(scores[0], rows[0]):
        code = index.ids[row]
        if tree.level[tree.row[code]] == level and len(found) < top:
            path = [tree.nodes[tree.row[step]].title for step in tree.path(code)]
            found.append({"code": code, "title": path[-1], "path": path[:-1], "score": round(float(score), 4)})
    return found


def table(description: str, answer: list[dict[str, Any]]) -> str:
    lines = [f"{row['score']:8.3f}  {row['code']}  {row['title']}  ({' > '.join(row['path'])})" for row in answer]
    return "\n".join([description, *lines])


if __name__ == "__main__":
    cli.run(main)
