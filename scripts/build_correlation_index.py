"""Index the training pairs for retrieval: the known correlations that a model is shown beside a new pair.

Writes a folder: vectors/, index/ (FAISS, L2), pairs.json. No pair of validation or test is in it.
"""

from pathlib import Path

from lib import cli
from lib.correlation import dataset, rag


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder made by prepare_contracts.py")
    parser.add_argument("--random", action="store_true", help="the training pairs of the random split")
    parser.add_argument("--encoder", default="minilm", help="packaged name, folder or hub id of a sentence encoder")
    parser.add_argument("--out", type=Path, required=True, help="folder of the index")
    args = parser.parse_args()

    pairs = dataset.load(args.data)
    known = rag.metadata(pairs, pairs.rows("train", disjoint=not args.random))
    retrieval = rag.SemanticRAG(args.out, args.encoder)
    embeddings = retrieval.embed([row["a_title"] for row in known], [row["b_title"] for row in known])
    retrieval.build_index(embeddings, known)
    retrieval.save()
    cli.log(f"index: {len(known)} training pairs, {embeddings.shape[1]} wide")


if __name__ == "__main__":
    cli.run(main)
