"""Who is ahead on held-out events: the hybrid loss, the cross-entropy alone and the baselines, with paired intervals.

    PYTHONPATH=scripts python benchmarks/redrawn_events.py              (after snakemake results/correlation/gate.json)
    PYTHONPATH=scripts python benchmarks/redrawn_events.py --repeats 24 --knobs '{"dropout": 0.3}'

Redrawn events among the training and validation ones judge, as when knobs are chosen; the test pairs take no part. Both
arms have the knobs that they chose, with --knobs laid over them. A baseline takes in each draw the knob that suits the
judged pairs themselves, which favours it. Intervals resample events, by both members of a pair and in whatever draws
they judge.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml
from loss_weight import CONFIG, judged
from numpy.typing import NDArray

from lib.correlation import baselines, dataset, folds, scores, tuning
from lib.correlation.base import Shape
from lib.correlation.dataset import Pairs
from lib.correlation.encoder import Head
from lib.correlation.folds import Fold
from lib.correlation.losses import Loss
from lib.correlation.objective import Plan
from lib.correlation.titles import title_vectors
from lib.provenance import environment

Array = NDArray[np.floating]
Systems = dict[str, Array]  # predictions (seeds, judgements) by name
HYBRID, CE_ONLY = "hybrid", "CE-only"
SEED = 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("results/correlation/data"))
    parser.add_argument("--hybrid", type=Path, default=Path("results/correlation/choice_model.json"))
    parser.add_argument("--ce-only", type=Path, default=Path("results/correlation/choice_ce_only.json"))
    parser.add_argument("--repeats", type=int, help="draws, instead of the configured number")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--knobs", type=json.loads, default={}, help="of head and training, over those chosen")
    args = parser.parse_args()

    known, pairs = yaml.safe_load(CONFIG.read_text())["correlation"], dataset.load(args.data)
    tune = known["tune"]
    drawn = folds.drawn(pairs, args.repeats or tune["repeats"], tune["judged_share"], SEED)
    told = of_baselines(pairs, drawn, known["rag"]["encoder"])
    for arm, choice in ((HYBRID, args.hybrid), (CE_ONLY, args.ce_only)):
        knobs = known["train"] | known["head"] | tuning.read(choice)[0] | args.knobs
        if arm == CE_ONLY:
            knobs["regression_loss_weight"] = 0.0
        told[arm] = of_models(pairs, drawn, known, knobs, args.seeds)

    print(environment())
    print(f"{len(drawn)} draws, seeds {args.seeds}, over what was chosen: {args.knobs}")
    report(pairs, drawn, told)


def of_baselines(pairs: Pairs, drawn: list[Fold], encoder: str) -> Systems:
    """Predictions `(1, judgements)` of every baseline."""
    titles = title_vectors(encoder)
    each = [baselines.predict(pairs, baselines.Fold(taught, own, own), titles, SEED) for taught, own in drawn]
    return {name: np.concatenate([one[name] for one in each])[None] for name in each[0]}


def of_models(pairs: Pairs, drawn: list[Fold], known: dict, knobs: dict, each: list[int]) -> Array:
    """Expected numbers of models with these knobs, `(seeds, judgements)`."""
    trial = tuning.laid(knobs, Head(), Loss(), Plan())
    seen = tuning.labelled(pairs, drawn, known["rag"]["encoder"], trial.plan)
    shape = Shape(**known["model"])
    found = [judged(seen, shape, trial.head, trial.loss, replace(trial.plan, seed=seed)) for seed in each]
    return np.stack([one.found.mean for one in found])


def report(pairs: Pairs, drawn: list[Fold], told: Systems) -> None:
    """A row a system: RMSE (of squared errors averaged over seeds), and by how much the hybrid's is less."""
    rows = np.concatenate([fold.judged for fold in drawn])
    judge = scores.judge(pairs.correlations[rows], pairs.a_events[rows], pairs.b_events[rows], SEED)
    noise = np.sqrt(np.mean(pairs.errors[rows] ** 2))
    print(f"{len(rows)} judgements of {len({*rows.tolist()})} pairs, whose labels alone are off by {noise:.4f} (RMSE)")
    print("| | RMSE | the hybrid's lead [95 %] |\n|---|---|---|")
    rmse = {name: np.sqrt(judge.mean(((one - judge.truth) ** 2).mean(axis=0))) for name, one in told.items()}
    for name, values in sorted(rmse.items(), key=lambda system: system[1][0]):
        low, high = np.percentile((values - rmse[HYBRID])[1:], [2.5, 97.5])
        lead = "" if name == HYBRID else f"{values[0] - rmse[HYBRID][0]:+.4f} [{low:+.4f}, {high:+.4f}]"
        print(f"| {name} | {values[0]:.4f} | {lead} |")


if __name__ == "__main__":
    main()
