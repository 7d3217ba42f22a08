"""Measure a NAICS checkpoint against the raw encoder, TF-IDF, nearest neighbours and a linear probe.

Called by eval_unified.py. Everything a table compares is computed here in one run, on the same
queries, so that differences are paired.
"""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from .. import files
from . import classification, dataset, lorentz, relations, structure, text_vectors
from . import head as naics_head
from .dataset import Dataset
from .embed import embed_codes, embed_descriptions
from .features import CodeFeatures
from .geometry import Lorentz
from .head import Head
from .retrieval import code_distances
from .structure import Tree
from .text_vectors import TextVectors
from .texts import QUERY_CHANNEL

Matrix = NDArray[np.floating]
Rows = NDArray[np.int64]


class Questions(NamedTuple):
    """Descriptions to classify and those known when the question comes, with the column of each one's code."""

    asked: list[str]
    truth: Rows
    known: list[str]
    owners: Rows
    leaves: Rows  # the six-digit codes, by column

    @classmethod
    def of(cls, data: Dataset, split: str) -> "Questions":
        leaves = np.flatnonzero(data.taxonomy.level == 6)
        (asked, codes), (known, owners) = data.role(split), data.known()
        order = np.argsort(owners, kind="stable")  # so that nobody has to copy a large matrix to sort it
        known, owners = [known[row] for row in order], owners[order]
        return cls(asked, np.searchsorted(leaves, codes), known, np.searchsorted(leaves, owners), leaves)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of eval_unified.py naics."""
    parser.add_argument("--checkpoint", type=Path, required=True, help="a stage's checkpoint")
    parser.add_argument("--vectors", type=Path, required=True, help="text vectors that embed_naics.py wrote of it")
    parser.add_argument("--raw", type=Path, required=True, help="text vectors of the frozen encoder")
    parser.add_argument("--data", type=Path, required=True, help="folder made by prepare_naics.py")
    parser.add_argument(
        "--split", choices=("validation", "test"), default="test", help="whose descriptions to classify"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the bootstrap")


@torch.no_grad()
def measure(args: argparse.Namespace) -> dict[str, Any]:
    """The metrics.json of one checkpoint on one split."""
    data = dataset.load(args.data)
    head, shape, _ = naics_head.load(args.checkpoint)
    vectors = text_vectors.load(args.vectors, data.texts, args.checkpoint)
    raw = text_vectors.load(args.raw, data.texts, None)
    points, tree = embed_codes(head, vectors, data.texts), relations.tree_distance(data.taxonomy)
    distances = head.geometry.pairwise(points, points).numpy()
    entries, details = _classify(data, raw, vectors, head, points, args)
    entries += _structure(data, raw, tree, distances, args.seed)
    return {
        "schema": 1,
        "pipeline": "naics",
        "dataset": "packages" if data.source["source"] == "packages" else "census",
        "source": data.source["said"],
        "metrics": entries,
        "details": details | _shape_of_space(data, head, tree, points, distances),
        "evidence": _evidence(args, data, shape),
    }


def _classify(
    data: Dataset, raw: TextVectors, vectors: TextVectors, head: Head, points: torch.Tensor, args
) -> tuple[list, dict[str, Any]]:
    """Unseen descriptions against all six-digit codes: all of them, and those of held-out families alone."""
    questions = Questions.of(data, args.split)
    space, leaves, truth = head.geometry, questions.leaves, questions.truth
    asked, known = (embed_descriptions(head, vectors, data.query_rows(t)) for t in (questions.asked, questions.known))
    to_codes, to_known = space.scores(asked, points[leaves]).numpy(), space.scores(asked, known).numpy()
    scores = {"model": -code_distances(space, to_codes, to_known, questions.owners)}
    scores |= _baselines(data, raw, questions) | {"model without entries": to_codes}
    held_out = data.taxonomy.held_out[leaves[truth]]
    entries = classification.measure(scores, truth, "entries", args.seed)
    unseen = {name: matrix[held_out] for name, matrix in scores.items()}
    entries += classification.measure(unseen, truth[held_out], "entries of held-out families", args.seed)
    by_digits = {name: classification.digits(data.taxonomy, leaves, matrix, truth) for name, matrix in scores.items()}
    return entries, {"digits": by_digits, "queries": len(truth), "candidates": len(leaves)}


def _baselines(data: Dataset, raw: TextVectors, questions: Questions) -> dict[str, Matrix]:
    """Score matrices of what needs no training of ours; they see every text the model may see."""
    asked, known = (raw[QUERY_CHANNEL][data.query_rows(texts)] for texts in (questions.asked, questions.known))
    owners, n = questions.owners, len(questions.leaves)
    described = data.texts[1].members[questions.leaves].tocoo()  # titles are among the known already
    every = np.concatenate([known, raw[1][described.col]])
    return {
        "raw": asked @ _raw_codes(data, raw)[questions.leaves].T,
        "TF-IDF": classification.tfidf_centroids(questions.known, owners, questions.asked, n),
        "1-NN": classification.nearest_neighbour(every, np.concatenate([owners, described.row]), asked, n),
        "linear probe": classification.linear_probe(known, owners, asked, n),
    }


def _structure(data: Dataset, raw: TextVectors, tree: Tree, distances: Matrix, seed: int) -> list[dict[str, Any]]:
    """Distances to all codes against the tree, from trained codes and from those of held-out families."""
    codes = _raw_codes(data, raw)
    compared = {"model": distances, "raw": 1 - codes @ codes.T}
    slices = {"trained codes": ~data.taxonomy.held_out, "held-out families": data.taxonomy.held_out}
    return [
        entry
        for name, of in slices.items()
        for entry in structure.measure(data.taxonomy, tree, compared, np.flatnonzero(of), name, seed)
    ]


def _raw_codes(data: Dataset, raw: TextVectors) -> Matrix:
    """The raw encoder's code vectors: unit mean of title and description, `(n, d)`."""
    vectors, _ = CodeFeatures(raw, data.texts).gather(np.arange(len(data.taxonomy)))
    return torch.nn.functional.normalize(vectors[:, :2].sum(dim=1), dim=1).numpy()


def _shape_of_space(data: Dataset, head: Head, tree: Tree, points: torch.Tensor, distances: Matrix) -> dict[str, Any]:
    """Radius by level, distortion, curvature, and how far points are off the hyperboloid."""
    details: dict[str, Any] = {"distortion": structure.distortion(tree, distances)}
    if isinstance(head.geometry, Lorentz):
        c = head.geometry.curvature
        radius = lorentz.logmap0(points, c).norm(dim=1).numpy()
        levels = data.taxonomy.level
        details["radius_by_level"] = {str(level): float(radius[levels == level].mean()) for level in range(2, 7)}
        details |= {"curvature": float(c), "norm_violation": lorentz.violation(points, c)}
    return details


def _evidence(args: argparse.Namespace, data: Dataset, shape: naics_head.Shape) -> dict[str, Any]:
    """What would have to be the same for the same figures."""
    return {
        "model_sha256": files.sha256(args.checkpoint),
        "data_sha256": files.sha256(args.data),
        "vectors_sha256": files.sha256(args.vectors),
        "raw_sha256": files.sha256(args.raw),
        "split": args.split,
        "split_sha256": data.source["split"]["sha256"],
        "seed": args.seed,
        "device": "cpu",
        "model": asdict(shape),
    }
