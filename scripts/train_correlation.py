"""Train a model that reads two contracts and answers with a number, by cross-entropy plus a regression loss.

Knobs that tune_correlation.py chose stand over the flags, and its calibration is the model's; without a choice,
confidence and intervals are set right on the validation pairs. With --eval-steps the best weights by validation RMSE of
the expected number are kept. What is saved is loaded again and compared.
"""

import argparse
from dataclasses import asdict
from functools import partial
from pathlib import Path

from lib import cli, files, parallel, state, training
from lib.compute import Compute
from lib.correlation import calibration, dataset, measures, objective, readers, saving, tuning
from lib.correlation.base import Shape
from lib.correlation.calibration import Calibration
from lib.correlation.encoder import Head
from lib.correlation.losses import Loss
from lib.correlation.model import CorrelationModel
from lib.correlation.objective import Objective, Plan
from lib.correlation.rag import SemanticRAG, refuse_leaks
from lib.correlation.reader import distribution


def main() -> None:
    args = arguments()
    identity = state.identity(Path(__file__).name, vars(args))
    with parallel.joined(args.device), state.state_folder(args.state, args.name, identity) as folder:
        pairs, rag = dataset.load(args.data), SemanticRAG(args.index).load()
        refuse_leaks(rag, pairs, "validation", not args.random)
        shape, machine = cli.knobs(Shape, args), cli.knobs(Compute, args)
        head, loss, plan, doubts = chosen(args)
        taught, held_out = (
            objective.labelled(pairs, rag, split, not args.random, plan) for split in ("train", "validation")
        )

        reader = readers.start(shape, head, machine, plan.seed, taught)
        untrained = distribution(reader, held_out.seen).chances
        goal, score = Objective(reader, taught, loss, plan), partial(objective.score, reader, held_out)
        history = training.fit(reader, goal.backward, plan.settings(len(taught)), folder, score, args.tensorboard)

        if not parallel.leads():
            return
        found = distribution(reader, held_out.seen)
        doubts = doubts or calibration.fit(found, held_out.correlations)
        model = CorrelationModel(reader, rag, plan.rag_top_k, doubts)
        training.write_history(args.history, history)
        with files.writing(args.out) as temporary:
            temporary.mkdir()
            about = {"steps": len(history), "loss": asdict(loss), "plan": asdict(plan)}
            saving.save(temporary, model, shape, head, about)
            saving.verify(temporary, model, held_out.seen, untrained, machine)
            files.write_json(temporary / saving.METRICS, measures.of_splits(model, pairs, not args.random))


def arguments() -> argparse.Namespace:
    parser = cli.parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder made by prepare_contracts.py")
    parser.add_argument("--index", type=Path, required=True, help="folder made by build_correlation_index.py")
    parser.add_argument("--random", action="store_true", help="learn from the random split; the index must hold it too")
    parser.add_argument("--choice", type=Path, help="file made by tune_correlation.py")
    parser.add_argument("--state", type=Path, required=True, help="folder where an unfinished run waits")
    parser.add_argument("--name", default="train", help="of this run among those of the state folder")
    parser.add_argument("--tensorboard", type=Path, help="folder for TensorBoard scalars")
    parser.add_argument("--history", type=Path, required=True, help="history.csv, one row a step")
    parser.add_argument("--out", type=Path, required=True, help="the model's folder")
    cli.add_knobs(parser, Compute, Shape, Head, Loss, Plan)
    return parser.parse_args()


def chosen(args: argparse.Namespace) -> tuple[Head, Loss, Plan, Calibration | None]:
    """What the flags say, the choice laid over it; and the calibration that was made with the choice."""
    knobs, doubts = tuning.read(args.choice) if args.choice else ({}, None)
    trial = tuning.laid(knobs, *(cli.knobs(kind, args) for kind in (Head, Loss, Plan)))
    return trial.head, trial.loss, trial.plan, doubts


if __name__ == "__main__":
    cli.run(main)
