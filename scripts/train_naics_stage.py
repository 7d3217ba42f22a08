"""Train one curriculum stage of the NAICS model; a later stage starts from the checkpoint before it."""

import argparse
from pathlib import Path

from lib import cli, parallel, state, training
from lib.compute import Compute
from lib.naics import bank, dataset, limits, model, relations, text_vectors, validation
from lib.naics.curriculum import Curriculum
from lib.naics.features import CodeFeatures
from lib.naics.head import Shape
from lib.naics.limits import Limits
from lib.naics.objective import Objective, Sizes, Weights
from lib.naics.triplets import ImplicitSource, TripletSource
from lib.naics.triplets_parquet import ParquetSource
from lib.training import Settings


def main() -> None:
    args = arguments()
    identity = state.identity(Path(__file__).name, vars(args))
    with parallel.joined(args.device), state.state_folder(args.state, args.name, identity) as folder:
        data = dataset.load(args.data)
        weights, machine = cli.knobs(Weights, args), cli.knobs(Compute, args)
        asked = (cli.knobs(kind, args) for kind in (Shape, Settings, Sizes))
        n_descriptions = len(data.role("examples", "training", trained_only=True)[0])
        shape, settings, sizes = limits.within(cli.knobs(Limits, args), n_descriptions, *asked)
        _, base, network = model.start(shape, args.start, settings.seed)
        base.to(machine.device)
        network.to(machine.device)
        texts = bank.load(args.texts, data.texts, base, shape.encoder, shape.cut)
        kind = text_vectors.REMEMBERED if args.start else text_vectors.ENCODED
        vectors = text_vectors.load(args.vectors, data.texts, args.start, kind)

        codes = CodeFeatures(vectors, data.texts, machine.device)
        goal = Objective(network, texts, codes, data, source(args, data), weights, sizes, machine, settings.seed)
        score = validation.scorer(network, texts, data)

        history = training.fit(goal, goal.backward, settings, folder, score, args.tensorboard)
        if parallel.leads():
            training.write_history(args.history, history)
            model.save(args.out, network, {"stage": args.name, "steps": len(history)})
            text_vectors.save(args.memory, codes.remembered(), data.texts, args.out, text_vectors.REMEMBERED)


def arguments() -> argparse.Namespace:
    parser = cli.parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder made by prepare_naics.py")
    parser.add_argument("--texts", type=Path, required=True, help="file made by encode_naics.py")
    parser.add_argument(
        "--triplets", type=Path, help="Parquet made by build_naics_triplets.py; without it any is drawn"
    )
    parser.add_argument("--start", type=Path, help="checkpoint of the stage before; without it weights are new")
    parser.add_argument("--vectors", type=Path, required=True, help="its --memory, or vectors of the base")
    parser.add_argument("--name", default="stage1", help="names the state, the log lines and the checkpoint")
    parser.add_argument("--state", type=Path, required=True, help="folder where an unfinished run waits")
    parser.add_argument("--tensorboard", type=Path, help="folder for TensorBoard scalars")
    parser.add_argument("--history", type=Path, required=True, help="history.csv, one row a step")
    parser.add_argument("--out", type=Path, required=True, help="the checkpoint")
    parser.add_argument("--memory", type=Path, required=True, help="text vectors as training last saw them")
    cli.add_knobs(parser, Compute, Shape, Settings, Weights, Sizes, Limits, Curriculum)
    return parser.parse_args()


def source(args: argparse.Namespace, data: dataset.Dataset) -> TripletSource:
    """Triplets streamed from a file, or drawn from the relations."""
    related = relations.relate(data.taxonomy, data.exclusions.select("code", "target").rows())
    curriculum = cli.knobs(Curriculum, args)
    if args.triplets:
        return ParquetSource(args.triplets, related, curriculum, args.seed)
    return ImplicitSource(related, curriculum, args.seed)


if __name__ == "__main__":
    cli.run(main)
