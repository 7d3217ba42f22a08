"""Tabulate metrics of models that differ only in geometry and dimension, as Markdown."""

from pathlib import Path
from typing import Any

from lib import cli, config, files

COLUMNS = (
    ("recall_at_1", "entries"),
    ("recall_at_5", "entries"),
    ("pearson_tree_distance", "trained codes"),
    ("parent_recall_at_1", "trained codes"),
    ("sibling_map", "trained codes"),
    ("pearson_tree_distance", "held-out families"),
    ("parent_recall_at_1", "held-out families"),
    ("sibling_map", "held-out families"),
)


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--metrics", type=Path, nargs="+", required=True, help="metrics.json files to compare")
    parser.add_argument("--out", type=Path, required=True, help="the table, Markdown")
    args = parser.parse_args()

    measured = [files.read_json(path) for path in args.metrics]
    for path, metrics in zip(args.metrics, measured):
        config.check(metrics, "metrics", str(path))
    header = ["geometry", "dim", *(f"{metric} ({of})" for metric, of in COLUMNS), "distortion"]
    rows = [header, ["---"] * len(header), *sorted(map(row, measured), key=lambda cells: (int(cells[1]), cells[0]))]
    files.write_text(args.out, "".join(f"| {' | '.join(cells)} |\n" for cells in rows))


def row(metrics: dict[str, Any]) -> list[str]:
    """Geometry, dimension and each metric with its 95 % interval."""
    found = {(entry["metric"], entry["slice"]): entry for entry in metrics["metrics"]}
    cells = []
    for key in COLUMNS:
        low, high = found[key]["interval"]
        cells.append(f"{found[key]['value']:.3f} [{low:.3f}, {high:.3f}]")
    model = metrics["evidence"]["model"]
    return [model["geometry"], str(model["dim"]), *cells, f"{metrics['details']['distortion']:.3f}"]


if __name__ == "__main__":
    cli.run(main)
