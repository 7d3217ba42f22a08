"""Tabulate the arms of a training side by side as Markdown: one model, and how far each other lies behind it."""

from pathlib import Path
from typing import Any

from lib import cli, config, files
from lib.errors import BadInput
from lib.report import markdown, wording

COLUMNS = (
    ("mrr", "context excluded"),
    ("recall_at_5", "context excluded"),
    ("contain_at_50", "context excluded"),
    ("mrr", "article so far excluded"),
    ("recall_at_5", "article so far excluded"),
    ("cosine", "all"),
)


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.json with the other arms as baselines")
    parser.add_argument("--model", required=True, help="what the measured arm is called")
    parser.add_argument("--out", type=Path, required=True, help="the table, Markdown")
    args = parser.parse_args()

    metrics = config.read(args.metrics, "metrics")
    found = {(entry["metric"], entry["slice"]): entry for entry in metrics["metrics"]}
    if missing := [" on ".join(key) for key in COLUMNS if key not in found]:
        raise BadInput(f"{args.metrics}: no {missing[0]}, expected the metrics of Mamba")
    files.write_text(args.out, table([found[key] for key in COLUMNS], args.model))


def table(entries: list[dict[str, Any]], model: str) -> str:
    """Header, the measured arm with its intervals, the others by their first figure with its lead over them."""
    header = [
        "arm",
        *(f"{entry['metric']} ({entry['slice']})" for entry in entries),
        f"{entries[0]['metric']} of {model} ahead",
    ]
    others = [{own["name"]: own for own in entry["baselines"]} for entry in entries]
    first = others[0]
    order = sorted(first, key=lambda name: -first[name]["value"])
    leads = {name: wording.spread(own["difference"], own["interval"], "+") for name, own in first.items()}
    rows = [[name, *(f"{own[name]['value']:.3f}" for own in others), leads[name]] for name in order]
    measured = [wording.spread(entry["value"], entry["interval"]) for entry in entries]
    return markdown.table(header, [[model, *measured, "-"], *rows])


if __name__ == "__main__":
    cli.run(main)
