"""What the regression loss and retrieval are worth: weights and numbers of neighbours over seeds, mean against argmax.

    PYTHONPATH=scripts python benchmarks/loss_weight.py                 (after snakemake results/correlation/gate.json)
    PYTHONPATH=scripts python benchmarks/loss_weight.py --weights 0 --choice results/correlation/choice_ce_only.json
    PYTHONPATH=scripts python benchmarks/loss_weight.py --weights 100 --rag-top-k 0 15

Redrawn events among the training and validation ones judge, as when knobs are chosen: no model saw a contract or event
that it is judged on, and the test pairs take no part. All other knobs are those of --choice.
"""

import argparse
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import yaml

from lib.compute import Compute
from lib.correlation import dataset, folds, measures, readers, tuning
from lib.correlation.base import Shape
from lib.correlation.encoder import Head
from lib.correlation.losses import Loss
from lib.correlation.objective import Plan
from lib.correlation.tuning import Judged, Taught
from lib.provenance import environment
from lib.state import StateFolder

CONFIG = Path(__file__).resolve().parent.parent / "config" / "correlation.yaml"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("results/correlation/data"))
    parser.add_argument("--choice", type=Path, default=Path("results/correlation/choice_model.json"))
    parser.add_argument("--weights", type=float, nargs="+", default=[0, 1, 3, 10, 30, 100])
    parser.add_argument("--rag-top-k", type=int, nargs="+", help="instead of the configured number")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    args = parser.parse_args()

    known = yaml.safe_load(CONFIG.read_text())["correlation"]
    shape, head = Shape(**known["model"]), Head(**known["head"])
    chosen, _ = tuning.read(args.choice)
    trial = tuning.laid(known["train"] | chosen, head, Loss(), Plan())
    head, loss, plan = trial.head, trial.loss, trial.plan
    pairs, tune = dataset.load(args.data), known["tune"]
    drawn = folds.drawn(pairs, tune["repeats"], tune["judged_share"], plan.seed)

    print(environment())
    print(f"{len(drawn)} draws, {sum(len(fold.judged) for fold in drawn)} judgements, {chosen}")
    print(f"{len(args.seeds)} seeds, mean (deviation)")
    print("| weight | neighbours | RMSE, expected value | R2 | RMSE, argmax | R2 |\n|---|---|---|---|---|---|")
    for top_k in args.rag_top_k or [plan.rag_top_k]:
        seen = tuning.labelled(pairs, drawn, known["rag"]["encoder"], replace(plan, rag_top_k=top_k))
        for weight in args.weights:
            own = replace(loss, regression_loss_weight=weight)
            found = [judged(seen, shape, head, own, replace(plan, seed=seed)) for seed in args.seeds]
            print(row(weight, top_k, found), flush=True)


def judged(seen: list[Taught], shape: Shape, head: Head, loss: Loss, plan: Plan) -> Judged:
    """What models of one seed say of the pairs that they were not trained on."""
    begin = partial(readers.start, shape, head, Compute(), plan.seed)
    with tempfile.TemporaryDirectory() as folder:
        return tuning.judged(seen, begin, loss, plan, StateFolder("benchmark", Path(folder) / "state.safetensors"))


def row(weight: float, top_k: int, found: list[Judged]) -> str:
    cells = [f"{weight:g}", str(top_k)]
    for decoded in ("mean", "mode"):
        errors = [measures.errors(getattr(one.found, decoded), one.truth) for one in found]
        for name in ("rmse", "r2"):
            values = [error[name] for error in errors]
            cells.append(f"{np.mean(values):.3f} ({np.std(values):.3f})")
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
