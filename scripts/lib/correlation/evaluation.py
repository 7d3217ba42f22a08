"""Measure a correlation model against its baselines on contracts and events that training never saw.

Called by eval_unified.py. Everything is judged on the same pairs in one run: trivial baselines fitted here, the model
trained without its regression loss, the model shown random pairs instead of near ones, the model's own argmax.
Wall-clock goes to the log, so that the same inputs give the same metrics.json.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from .. import cli, files
from ..errors import BrokenModel
from . import dataset, latency, model, rag, scores
from .bench import MODEL, Bench, Systems
from .calibration import Calibration
from .dataset import CLOSE, Pairs
from .model import CorrelationModel, Predictions
from .titles import TitleVectors, title_vectors

CE_ONLY, RANDOM_RETRIEVAL, ARGMAX = "CE-only", "random retrieval", "argmax"
SPLITS = ("test", "validation")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of eval_unified.py correlation."""
    parser.add_argument("--model", type=Path, required=True, help="folder made by train_correlation.py")
    parser.add_argument("--ce-only", type=Path, help="the same trained with regression_loss_weight 0")
    parser.add_argument("--random-model", type=Path, help="the same trained on the random split")
    parser.add_argument("--data", type=Path, required=True, help="folder made by prepare_contracts.py")
    parser.add_argument("--split", choices=SPLITS, default="test", help="whose pairs judge")
    parser.add_argument("--samples", type=int, default=10, help="pairs whose full answer is generated and checked")
    parser.add_argument("--seed", type=int, default=1, help="of bootstrap, boosting and random retrieval")


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """The metrics.json of one model on one split."""
    pairs = dataset.load(args.data)
    trained = _load(args.model, pairs, args.split)
    others = {CE_ONLY: _load(args.ce_only, pairs, args.split)} if args.ce_only else {}
    titles = title_vectors(trained.rag.encoder)

    bench = Bench(pairs, titles, args.split, args.seed)
    told = trained.predict(*bench.asked())
    systems = _systems(bench, trained, told, others)
    answers = _answers(bench, trained, args.samples)
    entries = [
        *bench.errors(systems),
        *bench.of_ceiling(systems),
        bench.types(systems),
        bench.coverage(told.intervals),
        *bench.by_stratum(systems),
    ]
    if args.random_model:
        entries += _by_lot(args, pairs, titles)
    cli.log(latency.said(trained, bench.asked(args.samples)))
    return {
        "schema": 1,
        "pipeline": "correlation",
        "dataset": pairs.source["source"],
        "source": pairs.source["said"],
        "metrics": entries,
        "details": {**_details(bench, told, trained.calibration), "answers": answers},
        "evidence": _evidence(args, pairs),
    }


def _load(folder: Path, pairs: Pairs, split: str, disjoint: bool = True) -> CorrelationModel:
    """The model, whose known pairs must not be among those that judge."""
    trained = model.load(folder)
    rag.refuse_leaks(trained.rag, pairs, split, disjoint)
    return trained


def _systems(
    bench: Bench, trained: CorrelationModel, told: Predictions, others: dict[str, CorrelationModel]
) -> Systems:
    """Predictions of the model and of everything it is held against."""
    shuffled = rag.Drawn(trained.rag, bench.seed)
    by_lot = CorrelationModel(trained.reader, shuffled, trained.top_k, trained.calibration)
    return {
        MODEL: told.numbers,
        **bench.baselines,
        **{name: other.predict(*bench.asked()).numbers for name, other in others.items()},
        RANDOM_RETRIEVAL: by_lot.predict(*bench.asked()).numbers,
        ARGMAX: told.argmax,
    }


def _by_lot(args: argparse.Namespace, pairs: Pairs, titles: TitleVectors) -> list[dict[str, Any]]:
    """The random split, where contracts are known from other pairs: its own model, its own baselines."""
    bench = Bench(pairs, titles, args.split, args.seed, disjoint=False)
    trained = _load(args.random_model, pairs, args.split, disjoint=False)
    systems = _systems(bench, trained, trained.predict(*bench.asked()), {})
    return [*bench.errors(systems), *bench.of_ceiling(systems)]


def _answers(bench: Bench, trained: CorrelationModel, samples: int) -> list[dict[str, str]]:
    """Whole answers to the first pairs, as the API renders them; one that is not valid is no score but a bug."""
    a, b, _, _ = bench.asked(samples)
    rendered = [answer.json() for answer in trained.answers(a, b, reasoning=True)]
    for left, right, answer in zip(a, b, rendered):
        if not valid(answer):
            raise BrokenModel(f"the answer to {left!r} and {right!r} is {answer!r}, expected JSON of an answer")
    return [{"a": left, "b": right, "answer": answer} for left, right, answer in zip(a, b, rendered)]


def _details(bench: Bench, told: Predictions, doubts: Calibration) -> dict[str, Any]:
    """What no bar judges: the points of the picture, the calibration and what it was learnt from, the noise ceiling."""
    right = (np.abs(told.numbers - bench.truth) <= CLOSE).astype(np.float64)
    rows = bench.rows
    return {
        "pairs": len(rows),
        "events": len({*bench.pairs.a_events[rows], *bench.pairs.b_events[rows]}),
        "resampled": "events, by both members of a pair",
        "ceiling": bench.ceiling,
        "reliability": bench.pairs.source["reliability"],
        "calibration": {
            "points": scores.calibration(told.confidences, right),
            "learnt": [{"claimed": said, "right": proved} for said, proved in zip(doubts.claimed, doubts.found)],
        },
        "points": {
            "true": bench.truth.tolist(),
            "predicted": np.round(told.numbers, 4).tolist(),
            "stratum": bench.strata.tolist(),
        },
    }


def valid(text: str) -> bool:
    """Whether it is a JSON object with the fields of an answer, whose type follows from its number."""
    try:
        answer = json.loads(text)
        typed = dataset.type_of(answer["underlying_correlation"]) == answer["correlation_type"]
        return typed and 0 <= answer["confidence"] <= 1 and bool(answer["reasoning"].strip())
    except (ValueError, KeyError, TypeError, AttributeError):
        return False


def _evidence(args: argparse.Namespace, pairs: Pairs) -> dict[str, Any]:
    """What would have to be the same for the same figures."""
    arms = {"model": args.model, "ce_only": args.ce_only, "random_model": args.random_model}
    return {
        **{f"{name}_sha256": files.sha256(folder) for name, folder in arms.items() if folder},
        "data_sha256": files.sha256(args.data),
        "split": args.split,
        "split_sha256": pairs.source["split"]["sha256"],
        "seed": args.seed,
        "device": "cpu",
    }
