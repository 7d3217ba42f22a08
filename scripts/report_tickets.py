"""Draw what ticket embeddings are worth: MAP against the width of the vectors, AUC against shared words."""

import re
from pathlib import Path
from typing import Any

from lib import cli, config
from lib.errors import BadInput
from lib.report import drawing

Json = dict[str, Any]
Lines = dict[str, list[float]]

SLICE = "masked"  # what the gate judges
# A shape and a dash for each system, so that lines are told apart without colour.
LOOKS = {"model": ("o-", 2.0), "raw": ("s--", 1.0), "TF-IDF": ("^:", 1.0)}


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.json of the tickets")
    parser.add_argument("--out", type=Path, required=True, help="the picture, SVG")
    args = parser.parse_args()

    metrics = config.read(args.metrics, "metrics")
    try:
        panels = {
            "MAP by numbers kept of a vector": by_width(metrics),
            "AUC by words that a pair shares": by_overlap(metrics),
        }
    except KeyError as error:
        raise BadInput(f"{args.metrics}: nothing about {error.args[0]}, expected the metrics of tickets") from None
    draw(panels, args.out)


def by_width(metrics: Json) -> tuple[list[str], Lines]:
    """The widths from small to large, and each system's MAP at each; words have no width."""
    found = {entry["slice"]: entry for entry in metrics["metrics"] if entry["metric"] == "map"}
    if SLICE not in found:
        raise KeyError(f"map on {SLICE}")
    widths = {
        int(at[1]): entry for name, entry in found.items() if (at := re.fullmatch(rf"{SLICE} at (\d+) dims", name))
    }
    ordered = {**{str(width): widths[width] for width in sorted(widths)}, "all": found[SLICE]}
    return list(ordered), {name: [value(entry, name) for entry in ordered.values()] for name in LOOKS}


def by_overlap(metrics: Json) -> tuple[list[str], Lines]:
    """The deciles of lexical overlap from none to all, and each system's AUC in each."""
    deciles = metrics["details"]["auc_by_overlap"]
    return list(deciles), {name: [row[name] for row in deciles.values()] for name in LOOKS}


def value(entry: Json, name: str) -> float:
    return {"model": entry["value"], **{baseline["name"]: baseline["value"] for baseline in entry["baselines"]}}[name]


def draw(panels: dict[str, tuple[list[str], Lines]], path: Path) -> None:
    """One panel under the other; the lines' names stand in the first."""
    figure = drawing.figure(5.0)
    for axes, (title, (labels, lines)) in zip(figure.subplots(2, 1), panels.items()):
        for name, values in lines.items():
            style, width = LOOKS[name]
            axes.plot(values, style, color=drawing.INK, linewidth=width, markersize=4.5, label=name)
        axes.set_xticks(range(len(labels)), labels, rotation=30 if len(labels) > 6 else 0)
        axes.set_title(title, loc="left")
    figure.axes[0].legend()
    figure.tight_layout(pad=0.6)
    said = [f"{title}: {told(*panel)}" for title, panel in panels.items()]
    drawing.save(figure, path, f"Tickets that training never saw. {'. '.join(said)}")


def told(labels: list[str], lines: Lines) -> str:
    """The panel in words, for who cannot see it."""
    return "; ".join(
        f"{name} {', '.join(f'{at} {number:.3f}' for at, number in zip(labels, values))}"
        for name, values in lines.items()
    )


if __name__ == "__main__":
    cli.run(main)
