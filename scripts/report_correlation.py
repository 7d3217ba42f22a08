"""Draw what a correlation model is worth: predicted against measured with the noise ceiling, and its calibration."""

from pathlib import Path
from typing import Any

from lib import cli, config
from lib.errors import BadInput
from lib.report import drawing

Json = dict[str, Any]

MARKS = {"same_event": "s", "near": "o", "far": "^"}  # a shape each, so that strata are told apart without colour


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.json of correlation")
    parser.add_argument("--out", type=Path, required=True, help="the picture, SVG")
    args = parser.parse_args()

    metrics = config.read(args.metrics, "metrics")
    try:
        details = metrics["details"]
        points, calibration, ceiling = details["points"], details["calibration"], details["ceiling"]
        curve, learnt = calibration["points"], calibration["learnt"]
        r2 = next(entry["value"] for entry in metrics["metrics"] if entry["metric"] == "r2")
    except (KeyError, StopIteration) as error:
        raise BadInput(f"{args.metrics}: nothing about {error}, expected the metrics of correlation") from None
    draw(points, curve, learnt, f"R2 {r2:.2f}" + (f", noise ceiling {ceiling:.2f}" if ceiling else ""), args.out)


def draw(points: Json, curve: list[Json], learnt: list[Json], score: str, path: Path) -> None:
    """One panel under the other, and both in words."""
    figure = drawing.figure(6.4)
    upper, lower = figure.subplots(2, 1, height_ratios=[3, 2])
    draw_pairs(upper, points, score)
    draw_confidence(lower, curve, learnt)
    figure.tight_layout(pad=0.6)
    pairs, said = len(points["true"]), ", ".join(f"{one['confidence']:.2f} right {one['right']:.2f}" for one in curve)
    drawing.save(figure, path, f"Predicted against measured correlations of {pairs} pairs, {score}. Confidence {said}")


def draw_pairs(axes, points: Json, score: str) -> None:
    """Predicted against measured correlations, a mark for each stratum; on the diagonal they are equal."""
    for stratum, mark in MARKS.items():
        at = [row for row, of in enumerate(points["stratum"]) if of == stratum]
        told, true = ([points[name][row] for row in at] for name in ("predicted", "true"))
        if at:
            label = stratum.replace("_", " ")
            axes.plot(told, true, mark, color=drawing.INK, markersize=3.5, fillstyle="none", label=label)
    axes.plot([-1, 1], [-1, 1], "-", color=drawing.FAINT, linewidth=0.8)
    reach = 1.1 * max(0.1, *(abs(number) for name in ("predicted", "true") for number in points[name]))
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xlabel="predicted", ylabel="measured")
    axes.set_title(f"Pairs that training never saw: {score}", loc="left")
    axes.legend()


def draw_confidence(axes, curve: list[Json], learnt: list[Json]) -> None:
    """How often it was right by confidence, and what the confidence was learnt from; on the diagonal it is honest."""
    confident, right = ([one[name] for one in curve] for name in ("confidence", "right"))
    claimed, proved = ([one[name] for one in learnt] for name in ("claimed", "right"))
    claims = {"color": drawing.INK, "fillstyle": "none", "markersize": 5, "linewidth": 0.8}
    axes.plot(claimed, proved, "s--", label="claimed of events held out of training", **claims)
    axes.plot(confident, right, "o-", color=drawing.INK, markersize=4.5, label="calibrated, on test pairs")
    axes.plot([0, 1], [0, 1], "-", color=drawing.FAINT, linewidth=0.8)
    low = max(0.0, min(*claimed, *proved, *confident, *right) - 0.05)
    axes.set(xlim=(low, 1.005), ylim=(low, 1.02), xlabel="confidence", ylabel="within 0.2")
    axes.legend(loc="upper left")
    axes.set_title("Confidence and how often it was right", loc="left")


if __name__ == "__main__":
    cli.run(main)
