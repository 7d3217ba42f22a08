"""What an index holds: of every chunk of a payload the numbers by which a trained predictor finds it.

Also writes questions of validation articles as the predictor asks them, to tune an index with.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lib import cli, files, vectors
from lib.compute import Compute
from lib.mamba import payload, predictor, windows
from lib.mamba.payload import Payload
from lib.mamba.predictor import Predictor
from lib.mamba.ranking import Bench
from lib.mamba.search import padded


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True, help="made by train_mamba_contrastive.py")
    parser.add_argument("--payload", type=Path, required=True, help="folder made by merge_payload.py")
    parser.add_argument("--limit", type=cli.positive_int, default=250, help="validation questions at most")
    parser.add_argument("--seed", type=int, default=1, help="of the questions")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--queries", type=Path, required=True, help="folder of the questions' vectors")
    parser.add_argument("--out", type=Path, required=True, help="folder of the passages' vectors")
    args = parser.parse_args()
    machine = Compute(args.device)

    articles = payload.load(args.payload)
    model = predictor.load(args.checkpoint, machine.device)
    about = {"model_sha256": files.sha256(args.checkpoint), "payload_sha256": files.sha256(args.payload)}

    bench = Bench(articles, windows.draw(articles, "validation", args.limit, args.seed), np.array([]), machine.device)
    asked = bench.ask(model.queries, model.context)[:, : model.indexed]
    told = {**about, "width": asked.shape[1]}
    vectors.save(args.queries, padded(asked), [articles.ids[row] for row in bench.targets], {**told, "kind": "queries"})
    vectors.save_parts(args.out, passages(articles, model, bench), articles.ids, {**told, "kind": "passages"})


def passages(articles: Payload, model: Predictor, bench: Bench) -> Iterator[np.ndarray]:
    """What the index holds of the chunks, a block at a time, `(m, k)` float32."""
    for start, block in vectors.blocks(articles.vectors):
        found = bench.documents(model, np.arange(start, start + len(block)))
        yield padded(found[:, : model.indexed])


if __name__ == "__main__":
    cli.run(main)
