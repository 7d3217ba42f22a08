"""Fine-tune a sentence encoder on ticket pairs, easy to hard, and save it as a SentenceTransformer.

The best weights by validation MAP over all phases are kept, and go back towards the base as far as validation
gains by it or a foreign domain needs it. What is saved is loaded again and compared.
"""

import argparse
from dataclasses import asdict
from functools import partial
from pathlib import Path

from lib import cli, files, parallel, state, training
from lib.compute import Compute
from lib.tickets import dataset, frozen, head, leaks, model, pairs, retention, saving, validation
from lib.tickets.model import Shape
from lib.tickets.objective import Batches, Objective, columns
from lib.tickets.sampler import Sampler
from lib.tickets.validation import Probe
from lib.training import Settings

CHECKED = 64  # texts that the saved model must encode as the one in memory


def main() -> None:
    args = arguments()
    identity = state.identity(Path(__file__).name, vars(args))
    with parallel.joined(args.device), state.state_folder(args.state, "train", identity) as folder:
        tickets, given = dataset.load(args.data), pairs.read(args.pairs)
        leaks.refuse(given, tickets, args.pairs)
        shape, settings, machine, batches, probe = (
            cli.knobs(kind, args) for kind in (Shape, Settings, Compute, Batches, Probe)
        )
        tokenizer, encoder = model.start(shape, settings.seed)
        encoder.base.to(machine.device)

        drawn = columns(given)
        foreign = validation.of_foreign(encoder, tokenizer, tickets)
        floor = foreign() - probe.max_forgetting
        texts = frozen.freeze(encoder, tokenizer, drawn.texts)
        learn_head = partial(head.learn, texts, drawn.labels, cli.knobs(head.Knobs, args), settings.seed)
        learn_head()
        held = retention.hold(encoder, tokenizer, cli.knobs(retention.Knobs, args), settings.seed)
        order = (batches.curriculum, batches.batch_size, settings.steps, settings.seed)
        sampler = Sampler(given.groups, given.phases, *order)
        goal = Objective(texts, drawn, sampler, batches, machine, held)
        score = validation.of_tickets(encoder, tokenizer, tickets, probe.validation_tickets, settings.seed)

        history = training.fit(encoder, goal.backward, settings, folder, score, args.tensorboard)
        if not parallel.leads():
            return
        settled = validation.settle(encoder, learn_head, score, foreign, floor)

        training.write_history(args.history, history)
        with files.writing(args.out) as temporary:
            saving.save(temporary, encoder, {**settled, "steps": len(history), "settings": asdict(settings)})
            saving.verify(temporary, encoder, tokenizer, drawn.texts[:CHECKED])


def arguments() -> argparse.Namespace:
    parser = cli.parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder made by prepare_tickets.py")
    parser.add_argument("--pairs", type=Path, required=True, help="JSON made by build_ticket_pairs.py")
    parser.add_argument("--state", type=Path, required=True, help="folder where an unfinished run waits")
    parser.add_argument("--tensorboard", type=Path, help="folder for TensorBoard scalars")
    parser.add_argument("--history", type=Path, required=True, help="history.csv, one row a step")
    parser.add_argument("--out", type=Path, required=True, help="the model, a SentenceTransformer folder")
    cli.add_knobs(parser, Compute, Shape, Settings, Batches, Probe, head.Knobs, retention.Knobs)
    return parser.parse_args()


if __name__ == "__main__":
    cli.run(main)
