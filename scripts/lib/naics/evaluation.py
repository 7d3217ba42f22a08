"""Measure a NAICS checkpoint against the raw encoder, TF-IDF, nearest neighbours and a linear probe.

Called by eval_unified.py. Everything a table compares is computed here in one run, on the same
queries, so that differences are paired.
"""

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from .. import files, provenance
from . import bank, classification, dataset, lorentz, relations, structure
from . import model as naics_model
from .dataset import Dataset
from .embed import embed_codes, embed_descriptions
from .retrieval import code_distances
from .texts import QUERY_CHANNEL

Matrix = NDArray[np.floating]
KNOWN_ROLES = ("examples", "training")


class Known(NamedTuple):
    """Descriptions whose code is known when a question comes: rows in the examples channel, texts, columns."""

    rows: NDArray[np.int64]
    texts: list[str]
    columns: NDArray[np.int64]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", type=Path, required=True, help="a stage's checkpoint")
    parser.add_argument("--data", type=Path, required=True, help="folder made by prepare_naics.py")
    parser.add_argument("--texts", type=Path, required=True, help="file made by encode_naics.py")
    parser.add_argument(
        "--split", choices=("validation", "test"), default="test", help="whose descriptions to classify"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the bootstrap")


@torch.no_grad()
def measure(args: argparse.Namespace) -> dict[str, Any]:
    """The metrics.json of one checkpoint on one split."""
    data = dataset.load(args.data)
    _, base, model, about = naics_model.load(args.checkpoint)
    shape = model.shape
    texts = bank.TextBank(bank.load(args.texts, data.texts, shape.encoder, shape.cut), base, shape.cut)
    points = embed_codes(model, texts, data.texts)
    distances = model.head.geometry.pairwise(points, points).numpy()
    entries, details = _classify(data, texts, model, points, args)
    entries += _structure(data, texts, distances, args.seed)
    details |= _shape_of_space(data, model, points, distances)
    return {
        "schema": 1,
        "pipeline": "naics",
        "dataset": "packages" if data.source["source"] == "packages" else "census",
        "source": data.source["said"],
        "metrics": entries,
        "details": details,
        "evidence": _evidence(args, data, about),
    }


def _classify(data: Dataset, texts: bank.TextBank, model, points: torch.Tensor, args) -> tuple[list, dict[str, Any]]:
    """Unseen descriptions against all six-digit codes: all of them, and those of held-out families alone."""
    queries, codes = data.role(args.split)
    rows, leaves = data.query_rows(queries), np.flatnonzero(data.taxonomy.level == 6)
    truth = np.searchsorted(leaves, codes)
    known_texts, known_codes = data.role(*KNOWN_ROLES)
    known = Known(data.query_rows(known_texts), known_texts, np.searchsorted(leaves, known_codes))
    asked = embed_descriptions(model, texts, rows)
    to_codes = model.head.geometry.pairwise(asked, points[leaves]).numpy()
    to_known = model.head.geometry.pairwise(asked, embed_descriptions(model, texts, known.rows)).numpy()
    scores = {"model": -code_distances(to_codes, to_known, known.columns)}
    scores |= _baselines(data, texts, queries, rows, leaves, known) | {"model without entries": -to_codes}
    held_out = data.taxonomy.held_out[codes]
    entries = classification.measure(scores, truth, "entries", args.seed)
    unseen = {name: matrix[held_out] for name, matrix in scores.items()}
    entries += classification.measure(unseen, truth[held_out], "entries of held-out families", args.seed)
    by_digits = {name: classification.digits(data.taxonomy, leaves, matrix, truth) for name, matrix in scores.items()}
    return entries, {"digits": by_digits, "queries": len(queries), "candidates": len(leaves)}


def _baselines(
    data: Dataset, texts: bank.TextBank, queries: list[str], rows, leaves, known: Known
) -> dict[str, Matrix]:
    """Score matrices of what needs no training of ours; they see all entries the model may see."""
    raw = F.normalize(texts.channels[QUERY_CHANNEL].vectors, dim=1).numpy()
    asked, remembered = raw[rows], raw[known.rows]
    own, owners = _own_texts(data, texts, leaves)
    every, every_column = np.concatenate([remembered, own]), np.concatenate([known.columns, owners])
    return {
        "raw": asked @ _raw_codes(data, texts)[leaves].T,
        "TF-IDF": classification.tfidf_centroids(known.texts, known.columns, queries, len(leaves)),
        "1-NN": classification.nearest_neighbour(every, every_column, asked, len(leaves)),
        "linear probe": classification.linear_probe(remembered, known.columns, asked, len(leaves)),
    }


def _own_texts(data: Dataset, texts: bank.TextBank, leaves) -> tuple[Matrix, NDArray[np.int64]]:
    """Raw vectors of the six-digit codes' titles and descriptions, and the column of each."""
    vectors, owners = [], []
    for channel in (0, 1):
        members = data.texts[channel].members[leaves].tocoo()
        vectors.append(F.normalize(texts.channels[channel].vectors, dim=1).numpy()[members.col])
        owners.append(members.row.astype(np.int64))
    return np.concatenate(vectors), np.concatenate(owners)


def _structure(data: Dataset, texts: bank.TextBank, distances: Matrix, seed: int) -> list[dict[str, Any]]:
    """Distances against the tree: trained codes among themselves, and held-out families among all codes."""
    raw = _raw_codes(data, texts)
    compared = {"model": distances, "raw": 1 - raw @ raw.T}
    tree, taxonomy = relations.tree_distance(data.taxonomy), data.taxonomy
    every = np.arange(len(taxonomy))
    trained, held_out = every[~taxonomy.held_out], every[taxonomy.held_out]
    entries = structure.measure(taxonomy, tree, compared, trained, trained, "trained codes", seed)
    return entries + structure.measure(taxonomy, tree, compared, held_out, every, "held-out families", seed)


def _raw_codes(data: Dataset, texts: bank.TextBank) -> Matrix:
    """The raw encoder's code vectors: unit mean of title and description, `(n, d)`."""
    total = np.zeros((len(data.taxonomy), texts.channels[0].vectors.shape[1]), dtype=np.float32)
    for channel in (0, 1):
        vectors = F.normalize(texts.channels[channel].vectors, dim=1).numpy()
        total += data.texts[channel].members @ vectors
    return total / np.linalg.norm(total, axis=1, keepdims=True)


def _shape_of_space(data: Dataset, model, points: torch.Tensor, distances: Matrix) -> dict[str, Any]:
    """Radius by level, distortion, curvature, and how far points are off the hyperboloid."""
    tree = relations.tree_distance(data.taxonomy)
    details: dict[str, Any] = {"distortion": structure.distortion(tree, distances)}
    if model.shape.geometry == "lorentz":
        c = model.head.geometry.curvature.detach()
        radius = lorentz.logmap0(points, c).norm(dim=1).numpy()
        levels = data.taxonomy.level
        details["radius_by_level"] = {str(level): float(radius[levels == level].mean()) for level in range(2, 7)}
        details |= {"curvature": float(c), "norm_violation": lorentz.violation(points, c)}
    return details


def _evidence(args: argparse.Namespace, data: Dataset, about: dict[str, Any]) -> dict[str, Any]:
    """What would have to be the same for the same figures."""
    return {
        "model_sha256": files.sha256(args.checkpoint),
        "data_sha256": files.sha256(args.data),
        "texts_sha256": files.sha256(args.texts),
        "code_sha256": provenance.code_hash("eval_unified.py", "lib/naics/evaluation.py"),
        "git_revision": provenance.git_revision(),
        "split": args.split,
        "split_sha256": data.source["split"]["sha256"],
        "seed": args.seed,
        "device": "cpu",
        "model": about["shape"],
        "environment": provenance.environment(),
    }
