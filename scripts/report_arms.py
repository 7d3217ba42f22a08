"""Tabulate what several models of one pipeline reach on the same queries, as Markdown: a row an arm, a column a metric.

Each value has its 95 % interval; behind it stands the paired difference to the raw encoder, where there is one.
"""

from pathlib import Path
from typing import Any

from lib import cli, config, files
from lib.errors import BadInput
from lib.report import markdown, wording

SUFFIX = ".metrics.json"
RAW = "raw"


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--metrics", type=Path, nargs="+", required=True, help=f"ARM{SUFFIX} of each arm")
    parser.add_argument("--columns", type=cli.json_value, required=True, help="a JSON list of [metric, slice]")
    parser.add_argument("--out", type=Path, required=True, help="the table, Markdown")
    args = parser.parse_args()

    measured = {path: config.read(path, "metrics") for path in args.metrics}
    header = ["arm", *(f"{metric} ({of})" for metric, of in args.columns)]
    rows = [row(path, metrics, args.columns) for path, metrics in measured.items()]
    files.write_text(args.out, markdown.table(header, rows))


def row(path: Path, metrics: dict[str, Any], columns: list[list[str]]) -> list[str]:
    found = {(entry["metric"], entry["slice"]): entry for entry in metrics["metrics"]}
    for metric, of in columns:
        if (metric, of) not in found:
            raise BadInput(f"{path}: no {metric} on {of!r}, expected each of the columns")
    return [path.name.removesuffix(SUFFIX), *(cell(found[metric, of]) for metric, of in columns)]


def cell(entry: dict[str, Any]) -> str:
    """The value with its interval, and the lead over the raw encoder where that is a baseline."""
    leads = [
        wording.spread(baseline["difference"], baseline["interval"], "+")
        for baseline in entry["baselines"]
        if baseline["name"] == RAW
    ]
    return "; ".join([wording.spread(entry["value"], entry["interval"]), *leads])


if __name__ == "__main__":
    cli.run(main)
