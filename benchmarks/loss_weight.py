"""What the regression loss is worth: weights 0 to 30 (and more) over three seeds, expected value against argmax.

    PYTHONPATH=scripts python benchmarks/loss_weight.py       (after snakemake results/correlation/rag/manifest.json)

Validation pairs judge, whose contracts and events training never saw; the weights kept are those of their best score,
as in training, and everything but the loss's weight and the seed is the same. With --learning-rate the
cross-entropy alone can be given a rate of its own.
"""

import argparse
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import yaml

from lib import training
from lib.compute import Compute
from lib.correlation import dataset, measures, objective, readers
from lib.correlation.base import Shape
from lib.correlation.encoder import Head
from lib.correlation.losses import Loss
from lib.correlation.numbers import Distribution
from lib.correlation.objective import Labelled, Objective, Plan
from lib.correlation.rag import SemanticRAG
from lib.correlation.reader import distribution
from lib.provenance import environment
from lib.state import StateFolder

CONFIG = Path(__file__).resolve().parent.parent / "config" / "correlation.yaml"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("results/correlation/data"))
    parser.add_argument("--index", type=Path, default=Path("results/correlation/rag"))
    parser.add_argument("--weights", type=float, nargs="+", default=[0, 1, 3, 10, 30, 100])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--learning-rate", type=float, help="instead of the configured one")
    args = parser.parse_args()

    known = yaml.safe_load(CONFIG.read_text())["correlation"]
    shape, head, plan = Shape(**known["model"]), Head(**known["head"]), planned(known["train"], args.learning_rate)
    pairs, rag = dataset.load(args.data), SemanticRAG(args.index).load()
    taught, held_out = (objective.labelled(pairs, rag, split, True, plan) for split in ("train", "validation"))

    print(environment())
    print(f"{len(taught)} training and {len(held_out)} validation pairs, {len(args.seeds)} seeds, mean (deviation)")
    print("| weight | RMSE, expected value | R2 | RMSE, argmax | R2 |\n|---|---|---|---|---|")
    for weight in args.weights:
        found = [trained(taught, held_out, shape, head, weight, replace(plan, seed=seed)) for seed in args.seeds]
        print(row(weight, found, held_out.correlations), flush=True)


def planned(knobs: dict, learning_rate: float | None) -> Plan:
    fields = {key: value for key, value in knobs.items() if not key.startswith("regression_loss")}
    return Plan(**fields | ({"learning_rate": learning_rate} if learning_rate else {}))


def trained(taught: Labelled, held_out: Labelled, shape: Shape, head: Head, weight: float, plan: Plan) -> Distribution:
    """What a model of this weight and seed says of the validation pairs."""
    reader = readers.start(shape, head, Compute(), plan.seed, taught)
    goal, score = Objective(reader, taught, Loss(weight), plan), partial(objective.score, reader, held_out)
    with tempfile.TemporaryDirectory() as folder:
        state = StateFolder(f"weight {weight:g}, seed {plan.seed}", Path(folder) / "state.safetensors")
        training.fit(reader, goal.backward, plan.settings(len(taught)), state, score)
    return distribution(reader, held_out.seen)


def row(weight: float, found: list[Distribution], truth: np.ndarray) -> str:
    cells = [f"{weight:g}"]
    for decoded in ("mean", "mode"):
        errors = [measures.errors(getattr(one, decoded), truth) for one in found]
        for name in ("rmse", "r2"):
            values = [error[name] for error in errors]
            cells.append(f"{np.mean(values):.3f} ({np.std(values):.3f})")
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
