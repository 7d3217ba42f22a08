"""Measure a predictor of the next chunk against every trivial one, on articles that training never saw.

Called by eval_unified.py. First the alignment is proven: every window equals its payload rows and every target
retrieves itself at rank 1. All systems then answer the same questions from the same candidates.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from .. import checkpoint, cli, files
from ..compute import Compute
from ..errors import BadInput
from ..index import Index
from . import alignment, baselines, latency, payload, predictor, reranking, scores, seed_gates, windows
from .payload import Payload
from .predictor import Predictor
from .ranking import Bench

MODEL = "model"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of eval_unified.py mamba."""
    parser.add_argument("--checkpoint", type=Path, required=True, help="made by train_mamba_contrastive.py")
    parser.add_argument("--eval-npz", type=Path, required=True, help="windows made by export_windows.py")
    parser.add_argument("--payload", type=Path, required=True, help="folder made by merge_payload.py")
    parser.add_argument("--faiss", type=Path, required=True, help="folder made by build_faiss_index.py")
    parser.add_argument("--baselines", type=Path, default=Path("results/mamba/baselines.ckpt"), help="to compare with")
    parser.add_argument("--others", type=cli.json_value, default={}, help="JSON map of names and more checkpoints")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument(
        "--split", choices=("validation", "test"), default="test", help="whose articles are asked about"
    )
    parser.add_argument("--limit", type=cli.positive_int, default=5244, help="windows at most")
    parser.add_argument("--nprobe", type=cli.positive_int, help="lists to probe; without it as the index was tuned")
    parser.add_argument("--timed", type=cli.positive_int, default=200, help="questions asked one by one for latency")
    parser.add_argument(
        "--kinds", type=cli.json_value, default=[], help="JSON list of indexes to compare, as factories"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the bootstrap")
    seed_gates.add_arguments(parser)


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """The metrics.json of one model on one split."""
    device = Compute(args.device).device
    articles = payload.load(args.payload)
    bench, outside = questions(args, articles, device)
    alignment.refuse_unfindable(bench)
    model = predictor.load(args.checkpoint, device)
    systems, told = others(args, articles, device)
    index = Index(args.faiss, args.nprobe)
    index.require(args.checkpoint, articles.ids, f"{len(index.ids)} other chunks than {args.payload}")

    asked = scores.asked(bench, {MODEL: model, **systems})
    through = latency.through_index(bench, model, index, args.timed, args.kinds)
    entries = [
        *scores.entries(bench, asked, args.seed),
        *reranking.entries(bench, model, args.seed),
        *latency.entries(bench, through, args.seed),
    ]
    details = {
        "windows_outside_split": outside,
        "latency": through.told,
        "index_configurations": through.configurations,
        "validation_mrr_of_baselines": told["validation_mrr"],
        "seed_gates": seed_gates.judge(entries, args),
    }
    return {
        "schema": 1,
        "pipeline": "mamba",
        "dataset": articles.source["source"],
        "source": articles.source["said"],
        "metrics": entries,
        "details": {**of_questions(bench, {MODEL: model, **systems}, args.seed), **details},
        "evidence": evidence(args, articles),
    }


def questions(args: argparse.Namespace, articles: Payload, device: str) -> tuple[Bench, int]:
    """The windows of the split, and how many of the file lie outside it; all chunks of the split are candidates."""
    targets = windows.read(args.eval_npz, articles)
    inside = targets[articles.splits[targets] == args.split]
    outside = len(targets) - len(inside)
    if not len(inside):
        raise BadInput(f"{args.eval_npz}: none of {len(targets)} windows is of {args.split}, expected articles unseen")
    if outside:
        cli.log(f"{args.eval_npz}: {outside} of {len(targets)} windows are not of {args.split} and are left out")
    return Bench(articles, inside[: args.limit], np.flatnonzero(articles.splits == args.split), device), outside


def of_questions(bench: Bench, systems: dict[str, Predictor], seed: int) -> dict[str, Any]:
    """What the questions are asked of, and what no bar judges of every system's answers."""
    return {
        "questions": len(bench.targets),
        "candidates": len(bench.pool),
        "articles": len(np.unique(bench.payload.articles[bench.pool])),
        "encoder": bench.payload.manifest["encoder"],
        "recall_at_5_by_pool_size": scores.by_pool_size(bench, systems, seed),
        "backward_margin": scores.backward_margins(bench, systems),
    }


def others(args: argparse.Namespace, articles: Payload, device: str) -> tuple[dict[str, Predictor], dict[str, Any]]:
    """Baselines and further models by name; BadInput when one was fitted or trained on another split."""
    fitted, about = baselines.load(args.baselines, device)
    split = articles.source["split"]["sha256"]
    paths = {name: Path(path) for name, path in args.others.items()}
    for path in (args.checkpoint, args.baselines, *paths.values()):
        if (known := checkpoint.read_metadata(path).get("split_sha256")) != split:
            raise BadInput(f"{path}: made with split {str(known)[:12]}, the payload {args.payload} has {split[:12]}")
    return fitted | {name: predictor.load(path, device) for name, path in paths.items()}, about


def evidence(args: argparse.Namespace, articles: Payload) -> dict[str, Any]:
    """What would have to be the same for the same figures."""
    about = checkpoint.read_metadata(args.checkpoint)
    return {
        "model_sha256": files.sha256(args.checkpoint),
        "model": {**about["shape"], "encoder": articles.manifest["encoder"], "steps": about.get("steps")},
        "baselines_sha256": files.sha256(args.baselines),
        "others_sha256": {name: files.sha256(path) for name, path in sorted(args.others.items())},
        "payload_sha256": files.sha256(args.payload / "manifest.json"),
        "windows_sha256": files.sha256(args.eval_npz),
        "index_sha256": files.sha256(args.faiss / "manifest.json"),
        "split": args.split,
        "split_sha256": articles.source["split"]["sha256"],
        "limit": args.limit,
        "seed": args.seed,
        "device": args.device,
    }
