"""Train a sequence model to predict and retrieve the next passage of an article.

Of all epochs the weights with the best MRR on validation articles are kept. After the second, a gate
of its own stops a run whose cosine is too low, and says so with its figures.
"""

import argparse
from dataclasses import asdict
from pathlib import Path

from lib import cli, files, parallel, state, training
from lib.compute import Compute
from lib.mamba import model, payload, schedule
from lib.mamba.batches import Batches, Sampling
from lib.mamba.model import Shape
from lib.mamba.objective import Objective, Weights
from lib.mamba.schedule import Schedule, Smoke, Watch


def main() -> None:
    args = arguments()
    identity = state.identity(Path(__file__).name, vars(args))
    with parallel.joined(args.device), state.state_folder(args.state, args.name, identity) as folder:
        given = payload.load(args.payload)
        shape, sampling, weights, plan, smoke, machine = (
            cli.knobs(kind, args) for kind in (Shape, Sampling, Weights, Schedule, Smoke, Compute)
        )
        batches = Batches(given, shape.context, sampling, plan.seed)
        settings = schedule.settings(plan, smoke, batches.steps_per_epoch)
        network = model.start(shape, given.vectors.shape[1], plan.seed).to(machine.device)

        goal = Objective(network, batches, weights, machine)
        watch = Watch(network, given, smoke, plan.seed, machine.device)

        history = training.fit(network, goal.backward, settings, folder, watch.validate, args.tensorboard, watch.halt())
        if not parallel.leads():
            return
        report = watch.report(history)
        if report["verdict"] == "block":
            cli.log(f"{args.name}: stopped by the gate of epoch {smoke.smoke_epoch}, see {args.smoke_out}")

        training.write_history(args.history, history)
        files.write_json(args.epochs_out, schedule.by_epoch(history))
        files.write_json(args.smoke_out, report)
        about = {"steps": len(history), "settings": asdict(settings), "smoke": report["verdict"]}
        model.save(args.out, network, {**about, "split_sha256": given.source["split"]["sha256"]})


def arguments() -> argparse.Namespace:
    parser = cli.parser(__doc__)
    parser.add_argument("--payload", type=Path, required=True, help="folder made by merge_payload.py")
    parser.add_argument("--name", default="mamba_s", help="names the state, the log lines and the checkpoint")
    parser.add_argument("--state", type=Path, required=True, help="folder where an unfinished run waits")
    parser.add_argument("--tensorboard", type=Path, help="folder for TensorBoard scalars")
    parser.add_argument("--history", type=Path, required=True, help="history.csv, one row a step")
    parser.add_argument("--epochs-out", type=Path, required=True, help="history.json, one entry an epoch")
    parser.add_argument("--smoke-out", type=Path, required=True, help="report of the early gate")
    parser.add_argument("--out", type=Path, required=True, help="the checkpoint")
    cli.add_knobs(parser, Compute, Shape, Sampling, Weights, Schedule, Smoke)
    return parser.parse_args()


if __name__ == "__main__":
    cli.run(main)
