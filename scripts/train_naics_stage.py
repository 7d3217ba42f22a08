"""Train one curriculum stage of the NAICS model; a later stage starts from the checkpoint before it."""

from pathlib import Path

from lib import cli, compute, state, training
from lib.naics import bank, curriculum, dataset, features, model, objective, relations, triplets, validation


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder made by prepare_naics.py")
    parser.add_argument("--texts", type=Path, required=True, help="file made by encode_naics.py")
    parser.add_argument("--start", type=Path, help="checkpoint of the stage before; without it weights are new")
    parser.add_argument("--name", default="stage1", help="names the state, the log lines and the checkpoint")
    parser.add_argument("--state", type=Path, required=True, help="folder where an unfinished run waits")
    parser.add_argument("--tensorboard", type=Path, help="folder for TensorBoard scalars")
    parser.add_argument("--history", type=Path, required=True, help="history.csv, one row a step")
    parser.add_argument("--out", type=Path, required=True, help="the checkpoint")
    cli.add_knobs(
        parser,
        compute.Compute,
        model.Shape,
        training.Settings,
        objective.Weights,
        objective.Sizes,
        curriculum.Curriculum,
    )
    args = parser.parse_args()

    with state.state_folder(args.state, args.name, state.identity(Path(__file__).name, vars(args))) as folder:
        data = dataset.load(args.data)
        shape, settings = cli.knobs(model.Shape, args), cli.knobs(training.Settings, args)
        machine = cli.knobs(compute.Compute, args)
        _, base, network = model.start(shape, args.start, settings.seed)
        base.to(machine.device), network.to(machine.device)
        texts = bank.TextBank(bank.load(args.texts, data.texts, shape.encoder, shape.cut), base, shape.cut)

        related = relations.relate(data.taxonomy, data.exclusions.select("code", "target").rows())
        source = triplets.ImplicitSource(related, cli.knobs(curriculum.Curriculum, args), settings.seed)
        goal = objective.Objective(
            network,
            texts,
            features.CodeFeatures(texts, network.encoders, data.texts),
            data,
            source,
            cli.knobs(objective.Weights, args),
            cli.knobs(objective.Sizes, args),
            machine,
            settings.seed,
        )
        score = validation.scorer(network, texts, data)

        history = training.fit(network, goal.backward, settings, folder, score, args.tensorboard)
        training.write_history(args.history, history)
        model.save(args.out, network, {"stage": args.name, "steps": len(history)})


if __name__ == "__main__":
    cli.run(main)
