"""Draw what an index costs: recall against latency, a line for each kind, a point for each number of probes."""

import itertools
from pathlib import Path
from typing import Any

from lib import cli, config
from lib.errors import BadInput
from lib.report import drawing

Json = dict[str, Any]
P95 = "p95_ms"
# A shape and a dash for each kind, so that lines are told apart without colour.
LOOKS = ("*", "s--", "o-", "^:", "v-.", "d:", "x--")


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.json of Mamba")
    parser.add_argument("--out", type=Path, required=True, help="the picture, SVG")
    args = parser.parse_args()

    metrics = config.read(args.metrics, "metrics")
    try:
        points = list(metrics["details"]["index_configurations"].values())
        used = metrics["details"]["latency"]["index"]
    except KeyError as error:
        raise BadInput(f"{args.metrics}: nothing about {error.args[0]}, expected the metrics of Mamba") from None
    if not points:
        raise BadInput(f"{args.metrics}: no index configurations, expected eval_unified.py mamba to have --kinds")
    draw(by_kind(points), used, args.out)


def by_kind(points: list[Json]) -> dict[str, list[Json]]:
    """The points of each kind, from few probes to many."""
    ordered = sorted(points, key=lambda point: point["nprobe"] or 0)
    return {kind: [point for point in ordered if point["kind"] == kind] for kind in sorted({p["kind"] for p in points})}


def recall(point: Json) -> tuple[str, float]:
    """What the point calls its recall, and its value."""
    ((name, value),) = ((key, value) for key, value in point.items() if key.startswith("recall_at_"))
    return name, value


def draw(kinds: dict[str, list[Json]], used: Json, path: Path) -> None:
    figure = drawing.figure(3.4)
    axes = figure.subplots()
    for look, (kind, points) in zip(itertools.cycle(LOOKS), kinds.items()):
        at = [point[P95] for point in points], [recall(point)[1] for point in points]
        axes.plot(*at, look, color=drawing.INK, linewidth=1.0, markersize=4.5, label=kind)
    chosen = [point for point in kinds.get(used["factory"], []) if point["nprobe"] == used["nprobe"]]
    for point in chosen:
        where = point[P95], recall(point)[1]
        axes.plot(*where, "o", color=drawing.INK, markersize=11, fillstyle="none", label="as tuned")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")
    axes.set_xlabel("P95 of one search, CPU ms, one thread", fontsize=8)
    axes.set_title(f"{recall(next(iter(kinds.values()))[0])[0]} of exact search, by probes", loc="left")
    axes.legend(loc="lower right")
    figure.tight_layout(pad=0.6)
    drawing.save(figure, path, told(kinds, used))


def told(kinds: dict[str, list[Json]], used: Json) -> str:
    """The picture in words, for who cannot see it."""
    lines = [
        f"{kind}: {', '.join(f'{recall(point)[1]:.3f} in {point[P95]:.2f} ms' for point in points)}"
        for kind, points in kinds.items()
    ]
    tuned = f"{used['factory']} with {used['nprobe']} probes" if used["nprobe"] else used["factory"]
    of = f"indexes over {used['n']} passages, probes doubling and as tuned"
    return f"Recall and P95 of {of}: {'; '.join(lines)}. Used: {tuned}"


if __name__ == "__main__":
    cli.run(main)
