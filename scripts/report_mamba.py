"""Draw what next-passage retrieval is worth: recall at 5 against the size of the pool, for model and baselines."""

import itertools
from pathlib import Path
from typing import Any

from lib import cli, config
from lib.errors import BadInput
from lib.report import drawing

# A shape and a dash for each system, so that lines are told apart without colour.
LOOKS = ("o-", "s--", "^:", "v--", "d:", "x--", "+:", "*--", "P:", "X--")


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.json of Mamba")
    parser.add_argument("--out", type=Path, required=True, help="the picture, SVG")
    args = parser.parse_args()

    metrics = config.read(args.metrics, "metrics")
    try:
        sizes, lines = by_pool_size(metrics)
    except KeyError as error:
        raise BadInput(f"{args.metrics}: nothing about {error.args[0]}, expected the metrics of Mamba") from None
    draw(sizes, lines, args.out)


def by_pool_size(metrics: dict[str, Any]) -> tuple[list[int], dict[str, list[float]]]:
    """Sizes of the pools, and each system's recall at 5 in each, the model first."""
    found = metrics["details"]["recall_at_5_by_pool_size"]
    order = sorted(found["recall_at_5"].items(), key=lambda line: (line[0] != "model", -line[1][-1]))
    return found["chunks"], dict(order)


def draw(sizes: list[int], lines: dict[str, list[float]], path: Path) -> None:
    figure = drawing.figure(3.2)
    axes = figure.subplots()
    for look, (name, values) in zip(itertools.cycle(LOOKS), lines.items()):
        width = 2.0 if name == "model" else 1.0
        axes.plot(sizes, values, look, color=drawing.INK, linewidth=width, markersize=4.5, label=name)
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes, map(str, sizes))
    axes.set_title("recall at 5 by chunks in the pool, context excluded", loc="left")
    axes.legend()
    figure.tight_layout(pad=0.6)
    said = "; ".join(f"{name} {', '.join(f'{value:.3f}' for value in values)}" for name, values in lines.items())
    drawing.save(figure, path, f"Recall at 5 with {', '.join(map(str, sizes))} chunks as candidates: {said}")


if __name__ == "__main__":
    cli.run(main)
