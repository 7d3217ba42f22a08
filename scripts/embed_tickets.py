"""Embed all past tickets with a trained model: what is indexed and searched."""

from pathlib import Path

from lib import cli, files, vectors
from lib.tickets import dataset, model, saving


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--model", type=Path, required=True, help="folder made by train_tickets.py")
    parser.add_argument("--data", type=Path, required=True, help="folder made by prepare_tickets.py")
    parser.add_argument("--dim", type=cli.positive_int, help="numbers of a vector to keep; all without it")
    parser.add_argument("--out", type=Path, required=True, help="folder of vectors")
    args = parser.parse_args()

    tickets = dataset.load(args.data)
    encode, widths = saving.load(args.model), saving.about(args.model)["dims"]
    embedded = model.unit(encode(tickets.texts), args.dim or widths[0])
    made_by = {"kind": "tickets", "model_sha256": files.sha256(args.model)}
    vectors.save(args.out, embedded, tickets.ids, made_by)


if __name__ == "__main__":
    cli.run(main)
