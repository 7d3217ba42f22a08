"""Thirty little articles for tests: chunks, vectors that drift from chunk to chunk, a model that averages them."""

from pathlib import Path

import numpy as np
import polars as pl
import torch
from torch.nn.functional import normalize

from lib import checkpoint, files, vectors
from lib.mamba import dataset, payload, splits, windows
from lib.mamba.payload import Payload
from lib.mamba.ranking import Bench
from lib.mamba.splits import Shares

ARTICLES, CHUNKS, DIM = 30, 9, 16
SHARES = Shares(test_share=0.3, validation_share=0.3, seed=1)
LETTERS = str.maketrans("0123456789", "abcdefghij")  # for an encoder that knows no digits
NAMES = sorted(f"article {number}" for number in range(ARTICLES))


def table() -> pl.DataFrame:
    """The chunks that prepare_articles.py would write; the first article has twice as many."""
    rows = [
        (
            f"{name}#{at}",
            name,
            name.title(),
            at,
            f"chunk {at} tells of {name} and more".translate(LETTERS),
            splits.side(name, SHARES),
        )
        for name in NAMES
        for at in range(CHUNKS * (2 if name == NAMES[0] else 1))
    ]
    return pl.DataFrame(rows, schema=dataset.SCHEMA, orient="row")


def drifting(chunks: pl.DataFrame) -> np.ndarray:
    """Unit vectors `(n, DIM)`: each article walks on from where its last chunk was."""
    rng = np.random.default_rng(1)
    found = np.empty((len(chunks), DIM), dtype=np.float32)
    for row, at in enumerate(chunks["position"]):
        found[row] = rng.normal(size=DIM) if at == 0 else found[row - 1] + 0.25 * rng.normal(size=DIM)
        found[row] /= np.linalg.norm(found[row])
    return found


def about(chunks: pl.DataFrame) -> dict:
    told = {"source": "jsonl", "said": "the articles of the tests", "files": {}}
    return {**told, "split": {"seed": 1, "sha256": dataset.split_hash(chunks)}}


def write_data(folder: Path, chunks: pl.DataFrame | None = None) -> Path:
    """The folder that prepare_articles.py would write."""
    chunks = table() if chunks is None else chunks
    folder.mkdir(parents=True)
    chunks.write_parquet(folder / dataset.CHUNKS)
    files.write_json(folder / dataset.SOURCE, about(chunks))
    return folder


def write_payload(folder: Path, chunks: pl.DataFrame | None = None, matrix: np.ndarray | None = None) -> Path:
    """The folder that merge_payload.py would write."""
    chunks = table() if chunks is None else chunks
    matrix = drifting(chunks) if matrix is None else matrix
    data = write_data(folder.with_name(f"{folder.name}-data"), chunks)
    told = {"kind": "payload", "encoder": "none", "max_length": 32, "source": about(chunks)}
    vectors.save_parts(folder, [matrix], chunks["id"].to_list(), told, [data / dataset.CHUNKS])
    return folder


def load(folder: Path) -> Payload:
    return payload.load(write_payload(folder))


def of_split(given: Payload, split: str) -> Bench:
    """Every question of a split, all of its chunks as candidates."""
    return Bench(given, windows.draw(given, split, 1000, 1), np.flatnonzero(given.splits == split))


def write_model(path: Path, given: Payload, dim: int = DIM) -> Path:
    """A checkpoint that train_mamba_contrastive.py would write of an untrained model: a recency mean."""
    from lib.mamba import model

    knobs = {"variant": "s", "n_layers": 1, "d_model": dim, "d_state": 4, "d_conv": 4, "expand": 1, "headdim": 8}
    more = {
        "chunk_size": 8,
        "dropout": 0.0,
        "context": 0,
        "search": "vectors",
        "rank": 2,
        "hidden": 8,
        "tower_dropout": 0.0,
    }
    shape = model.Shape(**knobs, **more, projection=8, buckets=0, temperature=0.1, skip=True)
    model.save(path, model.start(shape, dim, 1), {"split_sha256": given.source["split"]["sha256"]})
    return path


class Following:
    """A predictor that knows the true next vector of the articles it was given."""

    context, indexed = 5, None

    def __init__(self, given: Payload) -> None:
        self.vectors = torch.from_numpy(np.array(given.vectors))

    def queries(self, contexts: torch.Tensor) -> torch.Tensor:
        last = (contexts[:, -1] @ self.vectors.T).argmax(dim=1)
        return self.vectors[(last + 1) % len(self.vectors)]

    next_vectors = queries

    def documents(self, found: torch.Tensor) -> torch.Tensor:
        return normalize(found, dim=1)


def rewrite_checkpoint(path: Path, **changes: object) -> None:
    """The checkpoint with other metadata, its hash renewed."""
    tensors, known = checkpoint.load(path)
    checkpoint.save(path, tensors, {**{k: v for k, v in known.items() if k != "sha256"}, **changes})
