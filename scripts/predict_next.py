"""Read a text and show which passages are likely to follow: python scripts/predict_next.py --text draft.txt

The text is cut into chunks and encoded as the payload was; the predictor's query is searched in the index.
With --json, one JSON line for each passage.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lib import cli, files
from lib.compute import Compute
from lib.errors import BadInput
from lib.index import Index
from lib.mamba import articles, chunking, encoding, payload, predictor
from lib.mamba.chunking import Chunking
from lib.mamba.encoding import Encoding
from lib.mamba.payload import Payload
from lib.mamba.ranking import Bench
from lib.mamba.search import Search


def main() -> None:
    args = arguments()

    told = chunking.chunks(articles.paragraphs(files.read_text(args.text)), cli.knobs(Chunking, args))
    if not told:
        raise BadInput(f"{args.text}: no chunk of {args.min_chars} characters or more, expected some text")
    passages, model = payload.load(args.payload), predictor.load(args.checkpoint)
    encode = encoder_of(passages, args.payload)
    index = Index(args.index)
    index.require(args.checkpoint, passages.ids, f"other passages than {args.payload}")
    bench = Bench(passages, np.array([], dtype=np.int64), np.arange(len(passages)))

    started = time.perf_counter()
    context = torch.from_numpy(np.asarray(encode(told), dtype=np.float32))
    with torch.no_grad():
        query = model.queries(context[None]).numpy()  # (1, k)
    scores, rows = Search(bench, model, index)(query, args.top)
    elapsed = time.perf_counter() - started

    for score, row in zip(scores[0], rows[0]):
        found = described(passages, row, score)
        print(json.dumps(found) if args.json else f"{found['score']:8.3f}  {found['id']}  {found['text']}")
    cli.log(f"{len(told)} chunks read, {1000 * elapsed:.1f} ms after loading")


def arguments() -> argparse.Namespace:
    parser = cli.parser(__doc__)
    parser.add_argument("--text", type=Path, required=True, help="a text file; blank lines part paragraphs")
    parser.add_argument("--checkpoint", type=Path, default=Path("results/mamba/s.ckpt"), help="the predictor")
    parser.add_argument(
        "--payload", type=Path, default=Path("results/mamba/payload"), help="folder made by merge_payload.py"
    )
    parser.add_argument(
        "--index", type=Path, default=Path("results/mamba/index"), help="folder made by build_faiss_index.py"
    )
    parser.add_argument("--top", type=cli.positive_int, default=5, help="passages to show")
    parser.add_argument("--json", action="store_true", help="one JSON line for each passage")
    cli.add_knobs(parser, Chunking)
    return parser.parse_args()


def encoder_of(passages: Payload, folder: Path) -> encoding.Encode:
    """What made the payload's vectors; BadInput when the encoder of that name has other weights now."""
    known = passages.manifest
    how = Encoding(known["encoder"], known["max_length"])
    encode, digest = encoding.load(how, Compute())
    if known.get("encoder_sha256", digest) != digest:
        raise BadInput(f"{folder}: made by encoder {how.encoder} with other weights than it has here")
    return encode


def described(passages: Payload, row: int, score: float) -> dict[str, Any]:
    return {"id": passages.ids[row], "score": round(float(score), 4), "text": passages.texts[row]}


if __name__ == "__main__":
    cli.run(main)
