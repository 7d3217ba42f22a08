"""Find past tickets like this one: python scripts/predict_tickets.py "VPN drops every morning"

With --classify also the likeliest label: the nearest labelled tickets vote, each with its score. With
--file, one ticket a line; the answers come as one JSON line each with --json.
"""

import argparse
import json
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from lib import cli
from lib.errors import BadInput
from lib.index import Index
from lib.tickets import dataset, model, saving
from lib.tickets.dataset import Tickets
from lib.tickets.drawing import UNLABELLED

BATCH = 256  # tickets searched at once
SEARCHED = 20  # tickets looked at for each that votes: those without a label do not


def main() -> None:
    args = arguments()

    texts = cli.asked(args.texts, args.file, "ticket")
    tickets = dataset.load(args.data)
    encode = saving.load(args.model)
    index = open_index(args, tickets)

    started = time.perf_counter()
    asked = model.unit(encode(texts), index.index.d)
    answers = [
        answer
        for batch in np.split(asked, range(BATCH, len(asked), BATCH))
        for answer in search(batch, tickets, index, args)
    ]
    elapsed = time.perf_counter() - started

    for text, answer in zip(texts, answers):
        print(json.dumps({"text": text, **answer}) if args.json else table(text, answer))
    cli.log(f"{1000 * elapsed / len(texts):.1f} ms a ticket after loading")


def arguments() -> argparse.Namespace:
    parser = cli.parser(__doc__)
    parser.add_argument("texts", nargs="*", help="what the tickets say")
    parser.add_argument("--file", type=Path, help="a text file with one ticket a line")
    parser.add_argument(
        "--model", type=Path, default=Path("results/tickets/model"), help="a SentenceTransformer folder"
    )
    parser.add_argument(
        "--index", type=Path, default=Path("results/tickets/index"), help="folder made by build_faiss_index.py"
    )
    parser.add_argument(
        "--data", type=Path, default=Path("results/tickets/data"), help="folder made by prepare_tickets.py"
    )
    parser.add_argument("--top", type=cli.positive_int, default=5, help="similar tickets for each")
    parser.add_argument("--classify", action="store_true", help="name the likeliest labels too")
    parser.add_argument("--neighbours", type=cli.positive_int, default=10, help="labelled tickets that vote")
    parser.add_argument("--json", action="store_true", help="one JSON line for each ticket")
    return parser.parse_args()


def open_index(args: argparse.Namespace, tickets: Tickets) -> Index:
    """The index, refused when another model, other tickets or another metric made it."""
    index = Index(args.index)
    index.require(args.model, tickets.ids, f"other tickets than {args.data}")
    if index.manifest["metric"] != "cosine":
        raise BadInput(f"{args.index}: metric {index.manifest['metric']}, expected cosine")
    return index


def search(asked: np.ndarray, tickets: Tickets, index: Index, args: argparse.Namespace) -> list[dict[str, Any]]:
    """For each vector the most similar tickets and, if asked for, the labels they vote for."""
    wanted = max(args.top, SEARCHED * args.neighbours if args.classify else 0)
    scores, rows = index.search(asked, min(wanted, len(tickets)))
    answers = []
    for own_scores, own_rows in zip(scores, rows):
        similar = [described(tickets, row, score) for row, score in zip(own_rows[: args.top], own_scores)]
        answer: dict[str, Any] = {"similar": similar}
        if args.classify:
            answer["labels"] = vote(tickets, own_rows, own_scores, args.neighbours)
        answers.append(answer)
    return answers


def described(tickets: Tickets, row: int, score: float) -> dict[str, Any]:
    return {
        "id": tickets.ids[row],
        "score": round(float(score), 4),
        "label": label(tickets, row),
        "text": tickets.texts[row],
    }


def label(tickets: Tickets, row: int) -> str | None:
    return None if tickets.groups[row] == UNLABELLED else tickets.group_names[tickets.groups[row]]


def vote(tickets: Tickets, rows: np.ndarray, scores: np.ndarray, neighbours: int) -> list[dict[str, Any]]:
    """Labels by the summed score of the nearest labelled tickets, with the number that voted for each."""
    nearest = np.flatnonzero(tickets.groups[rows] != UNLABELLED)[:neighbours]
    votes: dict[str, list[float]] = defaultdict(list)
    for at in nearest:
        votes[tickets.group_names[tickets.groups[rows[at]]]].append(max(0.0, float(scores[at])))
    total = sum(map(sum, votes.values())) or 1.0
    found = [{"label": name, "votes": len(own), "share": round(sum(own) / total, 4)} for name, own in votes.items()]
    return sorted(found, key=lambda row: (-row["share"], row["label"]))


def table(text: str, answer: dict[str, Any]) -> str:
    lines = [
        f"{row['score']:8.3f}  {row['id']}  {row['text']}  ({row['label'] or 'no label'})" for row in answer["similar"]
    ]
    lines += [f"{row['share']:8.3f}  {row['label']}  ({row['votes']} votes)" for row in answer.get("labels", ())]
    return "\n".join([text, *lines])


if __name__ == "__main__":
    cli.run(main)
