"""Choose the pairs that teach: positives in three phases from easy to hard, each with a hard negative.

Reads the tickets that train and writes the seed's JSON: texts1, texts2, labels (all 1), phase_indicators,
metadata, and texts3 with the hard negatives. The same tickets and flags give the same bytes.
"""

from pathlib import Path

import numpy as np

from lib import cli, seeds
from lib.tickets import dataset, lexical, pairs, phases
from lib.tickets.drawing import UNLABELLED


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder made by prepare_tickets.py")
    parser.add_argument("--per-phase", type=cli.positive_int, default=5000, help="pairs of each phase, if there are")
    parser.add_argument("--masked-share", type=cli.fraction, default=0.5, help="pairs whose texts are masked")
    parser.add_argument("--positives-share", choices=("label", "family"), default="label", help="what makes a positive")
    parser.add_argument("--seed", type=int, default=1, help="of what is drawn")
    parser.add_argument("--out", type=Path, required=True, help="the JSON to write")
    args = parser.parse_args()

    tickets = dataset.load(args.data)
    words = lexical.tfidf(tickets.masked)  # the label's own words would make every pair easy

    groups, names = shared(tickets, args.positives_share == "family")
    rows = np.flatnonzero((tickets.splits == "train") & (groups != UNLABELLED))

    found = phases.build(groups, np.array(tickets.categories), words, rows, args.per_phase, args.seed)

    masked = seeds.generator(args.seed, "masked pairs").random(len(found.phases)) < args.masked_share
    taught = [names[groups[row]] for row in found.anchors]
    pairs.write(args.out, columns(tickets, found, masked), metadata(tickets, found, masked, taught, args.seed))
    for name, part in phases_said(found).items():
        few = "" if part["pairs"] == args.per_phase else f", fewer than {args.per_phase}: there are no more"
        cli.log(f"tickets: {name} {part['pairs']} pairs{few}, overlap {part['overlap']}")


def shared(tickets: dataset.Tickets, families: bool) -> tuple[np.ndarray, list[str]]:
    """What two tickets of a positive have in common, as numbers `(n,)` of names: a label, or where a ticket has none
    and `families` may teach, its family.
    """
    if not families:
        return tickets.groups, tickets.group_names
    of_family = np.where(tickets.families == UNLABELLED, UNLABELLED, tickets.families + len(tickets.group_names))
    groups = np.where(tickets.groups == UNLABELLED, of_family, tickets.groups)
    return groups, [*tickets.group_names, *tickets.family_names]


def columns(tickets: dataset.Tickets, found: phases.Triples, masked: np.ndarray) -> dict[str, list]:
    """The texts of the three columns, a row all masked or not at all."""

    def texts(rows: np.ndarray) -> list[str]:
        return [(tickets.masked if hidden else tickets.texts)[row] for row, hidden in zip(rows, masked)]

    return {
        "texts1": texts(found.anchors),
        "texts2": texts(found.positives),
        "texts3": texts(found.negatives),
        "phase_indicators": found.phases.tolist(),
    }


def phases_said(found: phases.Triples) -> dict[str, dict]:
    """Number of pairs and range of their overlap, by phase."""
    parts = {name: found.overlaps[found.phases == number] for number, name in phases.NAMES.items()}
    return {
        name: {"pairs": len(part), "overlap": [round(float(part.min()), 4), round(float(part.max()), 4)]}
        for name, part in parts.items()
    }


def metadata(tickets: dataset.Tickets, found: phases.Triples, masked: np.ndarray, taught: list[str], seed: int) -> dict:
    return {
        "source": tickets.source["said"],
        "split_sha256": tickets.source["split"]["sha256"],
        "phases": phases_said(found),
        "masked": int(masked.sum()),
        "seed": seed,
        "groups": taught,
    }


if __name__ == "__main__":
    cli.run(main)
