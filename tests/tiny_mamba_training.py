"""What training of the little articles needs: a payload of drawn vectors, flags of train_mamba_contrastive.py."""

import json
import shlex
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from lib import config, vectors
from lib.compute import Compute
from lib.mamba import dataset, model, payload
from lib.mamba.batches import Sampling
from lib.mamba.model import NextVector, Shape
from lib.mamba.objective import Weights
from lib.mamba.payload import Payload
from lib.mamba.schedule import Schedule, Smoke

MADE = {  # what train_mamba_contrastive.py writes
    "--state": "state",
    "--history": "s.history.csv",
    "--epochs-out": "s.history.json",
    "--smoke-out": "s.smoke_gate.json",
    "--out": "s.ckpt",
}
D = 24
SPLITS = ("train", "train", "train", "validation", "train", "train", "train", "test")
SHAPE = Shape(
    variant="s",
    n_layers=1,
    d_model=16,
    d_state=8,
    d_conv=4,
    expand=2,
    headdim=8,
    chunk_size=8,
    dropout=0.1,
    context=0,
    search="towers",
    rank=4,
    tower_dropout=0.1,
    hidden=12,
    projection=8,
    buckets=64,
    temperature=0.05,
    skip=True,
)
SAMPLING = Sampling(6, micro_batch=0, length=10, negatives="batch", article_dropout=0.2, span_corruption=0.1)
SCHEDULE = Schedule(epochs=3, learning_rate=1e-2, seed=1, warmup_epochs=1.0, save_seconds=0.0)
SMOKE = Smoke(smoke_epoch=2, smoke_cosine=-1.0, validation_limit=50)


def drifting(articles: int, chunks: int, seed: int = 0) -> np.ndarray:
    """Unit vectors of articles that wander from a topic of their own, not smoothly, `(articles, chunks, D)`."""
    rng = np.random.default_rng(seed)
    topic = rng.normal(size=(articles, 1, D))
    steps = rng.normal(size=(articles, chunks, D)).cumsum(axis=1)
    found = topic + 0.4 * steps + rng.normal(size=steps.shape)
    return (found / np.linalg.norm(found, axis=2, keepdims=True)).astype(np.float32)


def write_payload(folder: Path, articles: int = 24, chunks: int = 12) -> Path:
    """A payload whose articles have 7 to `chunks` chunks; three quarters train."""
    matrix = drifting(articles, chunks)
    lengths = 7 + np.arange(articles) % (chunks - 6)
    rows = [(article, position) for article in range(articles) for position in range(lengths[article])]
    table = pl.DataFrame(
        {
            "id": [f"a{article:02}#{position}" for article, position in rows],
            "article": [f"a{article:02}" for article, _ in rows],
            "title": [f"Article {article}" for article, _ in rows],
            "position": [position for _, position in rows],
            "text": [f"words of {article} at {position}" for article, position in rows],
            "split": [SPLITS[article % len(SPLITS)] for article, _ in rows],
        },
        schema=dataset.SCHEMA,
    )
    folder.mkdir(parents=True)
    table.write_parquet(folder / dataset.CHUNKS)
    source = {"source": "drawn", "said": "Drawn at random.", "split": {"sha256": dataset.split_hash(table)}}
    about = {"encoder": "drawn", "kind": "payload", "source": source}
    parts = iter([np.stack([matrix[row] for row in rows])])
    vectors.save_parts(folder / "payload", parts, table["id"].to_list(), about, also=[folder / dataset.CHUNKS])
    return folder / "payload"


class World:
    """The little articles and models for them."""

    def __init__(self, folder: Path) -> None:
        self.folder = write_payload(folder / "articles")

    @cached_property
    def payload(self) -> Payload:
        return payload.load(self.folder)

    def model(self, **changes: object) -> NextVector:
        """A model with new weights, in eval mode."""
        return model.start(replace(SHAPE, **changes), D, seed=1).eval()

    def training(self, **changes: object) -> list[str]:
        """Flags of train_mamba_contrastive.py, but for where it writes: nine steps, a state after each."""
        knobs: dict[str, object] = {"payload": str(self.folder)}
        for part in (SHAPE, SAMPLING, Weights(0.7, 0.3), SCHEDULE, SMOKE, Compute()):
            knobs |= json.loads(json.dumps(asdict(part)))
        return shlex.split(config.flags({"all": knobs | changes}, "all"))
