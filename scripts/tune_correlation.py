"""Choose the knobs of a correlation model by what it says of events that it was not trained on.

Every combination of the values in --tried is trained once on each of --repeats redrawn sets of events and judged by the
RMSE of its expected numbers on the others. The best one's predictions of pairs it was not trained on also set
confidence and intervals right. Test pairs take no part.
"""

import argparse
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from lib import cli, files, state
from lib.compute import Compute
from lib.correlation import calibration, dataset, folds, readers, tuning
from lib.correlation.base import Shape
from lib.correlation.encoder import Head
from lib.correlation.losses import Loss
from lib.correlation.objective import Plan
from lib.correlation.tuning import Judged, Search, Trial


def main() -> None:
    args = arguments()
    shape, head, loss, plan, machine, search = (
        cli.knobs(kind, args) for kind in (Shape, Head, Loss, Plan, Compute, Search)
    )
    trials = search.trials(head, loss, plan)
    with state.state_folder(args.state, args.name, state.identity(Path(__file__).name, vars(args))) as folder:
        pairs = dataset.load(args.data)
        drawn = folds.drawn(pairs, search.repeats, search.judged_share, plan.seed, not args.random)
        seen = {
            top_k: tuning.labelled(pairs, drawn, args.encoder, replace(plan, rag_top_k=top_k))
            for top_k in {trial.plan.rag_top_k for trial in trials}
        }

        found = []
        for number, trial in enumerate(trials):
            begin = partial(readers.start, shape, trial.head, machine, plan.seed)
            judges, place = seen[trial.plan.rag_top_k], tuning.within(folder, number)
            found.append(tuning.judged(judges, begin, trial.loss, trial.plan, place))
            cli.log(f"{args.name}: RMSE {found[-1].rmse:.4f} with {trial.knobs}")

        files.write_json(args.out, choice(trials, found, len(drawn)))


def arguments() -> argparse.Namespace:
    parser = cli.parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder made by prepare_contracts.py")
    parser.add_argument("--random", action="store_true", help="pairs of the random split; they are drawn by lot")
    parser.add_argument("--encoder", default="minilm", help="of retrieval: packaged name, folder or hub id")
    parser.add_argument("--state", type=Path, required=True, help="folder where an unfinished run waits")
    parser.add_argument("--name", default="tune", help="of this run among those of the state folder")
    parser.add_argument("--out", type=Path, required=True, help="the choice, JSON")
    cli.add_knobs(parser, Compute, Shape, Head, Loss, Plan, Search)
    return parser.parse_args()


def choice(trials: list[Trial], found: list[Judged], n_folds: int) -> dict[str, Any]:
    """The knobs with the least RMSE, the first of equals, what all of them reached, and the calibration of the best."""
    best = min(range(len(found)), key=lambda number: found[number].rmse)
    return {
        "chosen": trials[best].knobs,
        "tried": [{**trial.knobs, "rmse": one.rmse} for trial, one in zip(trials, found)],
        "judged": {"folds": n_folds, "pairs": len(found[best].truth)},
        "calibration": asdict(calibration.fit(found[best].found, found[best].truth)),
    }


if __name__ == "__main__":
    cli.run(main)
