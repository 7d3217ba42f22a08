"""Fit what the model must beat: averages of the context, a ridge regression, and two low-rank towers.

Everything is chosen on validation and written to one checkpoint, so that every evaluation meets the
same baselines.
"""

from pathlib import Path

import numpy as np

from lib import cli, state, training
from lib.mamba import baselines, payload, ranking, two_tower, windows
from lib.mamba.ranking import Bench
from lib.mamba.two_tower import Objective, Tower
from lib.training import Settings


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--payload", type=Path, required=True, help="folder made by merge_payload.py")
    parser.add_argument("--validation-windows", type=cli.positive_int, default=1500, help="questions that choose")
    parser.add_argument("--state", type=Path, required=True, help="folder where an unfinished run waits")
    parser.add_argument("--out", type=Path, required=True, help="the checkpoint of all baselines")
    cli.add_knobs(parser, Settings, Tower)
    args = parser.parse_args()
    settings, how = cli.knobs(Settings, args), cli.knobs(Tower, args)

    with state.state_folder(args.state, "baselines", state.identity(Path(__file__).name, vars(args))) as folder:
        articles = payload.load(args.payload)
        targets = windows.draw(articles, "validation", args.validation_windows, settings.seed)
        bench = Bench(articles, targets, np.flatnonzero(articles.splits == "validation"))

        fitted = baselines.fit(articles, bench, settings.seed)
        towers = two_tower.start(articles, fitted[baselines.RECENCY].parts()["weights"], how, settings.seed)
        goal = Objective(towers, articles, how, settings.seed)
        training.fit(towers, goal.backward, settings, folder, lambda: ranking.mrr(bench, towers))

        scores = {name: ranking.mrr(bench, one) for name, one in {**fitted, baselines.TOWERS: towers}.items()}
        about = {"validation_mrr": scores, "split_sha256": articles.source["split"]["sha256"]}
        baselines.save(args.out, fitted, towers, about)


if __name__ == "__main__":
    cli.run(main)
