"""How two contracts move together: python scripts/predict_correlation.py "Will A win?" "Will B win?" --reasoning

One JSON object for each pair: the correlation, its type, the chance that it is within 0.2 of the truth, and an
interval that holds 90 %. With --file, one pair a line, its titles parted by a tab.
"""

import argparse
import time
from pathlib import Path

from lib import cli, files
from lib.compute import Compute
from lib.correlation import model, settings
from lib.errors import BadInput


def main() -> None:
    args = arguments()
    pairs = asked(args)
    trained = model.load(args.model, cli.knobs(Compute, args))

    started = time.perf_counter()
    a_titles, b_titles = [a for a, _ in pairs], [b for _, b in pairs]
    answers = trained.answers(a_titles, b_titles, args.reasoning, args.max_new_tokens)
    elapsed = time.perf_counter() - started

    for answer in answers:
        print(answer.json())
    cli.log(f"{1000 * elapsed / len(pairs):.1f} ms a pair after loading")


def arguments() -> argparse.Namespace:
    longest = settings.asked().get("max_new_tokens", 256)
    parser = cli.parser(__doc__)
    parser.add_argument("titles", nargs="*", help="the titles of A and B")
    parser.add_argument("--file", type=Path, help="a text file with two titles a line, parted by a tab")
    parser.add_argument(
        "--model", type=Path, default=Path("results/correlation/model"), help="made by train_correlation.py"
    )
    parser.add_argument("--reasoning", action="store_true", help="say why")
    parser.add_argument("--max-new-tokens", type=cli.positive_int, default=longest, help="of the reasoning, at most")
    cli.add_knobs(parser, Compute)
    return parser.parse_args()


def asked(args: argparse.Namespace) -> list[tuple[str, str]]:
    """Pairs of titles from the command line and the file; BadInput names the line that is not one."""
    if len(args.titles) not in (0, 2):
        raise BadInput(f"command line: {len(args.titles)} titles, expected those of A and B")
    pairs = [(args.titles[0], args.titles[1])] if args.titles else []
    for number, line in enumerate(files.read_text(args.file).splitlines() if args.file else (), 1):
        a, _, b = line.partition("\t")
        if not a.strip() or not b.strip():
            raise BadInput(f"{args.file}: line {number}: {line!r}, expected two titles parted by a tab")
        pairs.append((a.strip(), b.strip()))
    if not pairs or not all(title.strip() for pair in pairs for title in pair):
        raise BadInput("no pair given, expected two titles as arguments or a --file with two a line")
    return pairs


if __name__ == "__main__":
    cli.run(main)
