"""Fill a model card from what the gate judged: the card cannot claim what was not measured."""

import json
from pathlib import Path
from string import Template
from typing import Any

from lib import cli, config, files
from lib.errors import BadInput
from lib.report import markdown, tables, wording
from lib.report.tables import Table

PUBLIC_NAMES = {"minilm": "sentence-transformers/all-MiniLM-L6-v2"}  # of encoders that come as packages

Json = dict[str, Any]


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--gate", type=Path, required=True, help="gate.json")
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.json")
    parser.add_argument("--template", type=Path, required=True, help="Markdown with $names for what is filled in")
    parser.add_argument("--out", type=Path, required=True, help="the card, Markdown")
    args = parser.parse_args()

    report, metrics = config.read(args.gate, "gate"), config.read(args.metrics, "metrics")
    if report["evidence"] != metrics["evidence"]:
        raise BadInput(f"{args.gate}: evidence differs from that of {args.metrics}, expected the gate of these metrics")

    try:
        card = Template(files.read_text(args.template)).substitute(facts(report, metrics))
    except KeyError as error:
        raise BadInput(f"{args.template}: ${error.args[0]} is not in {args.metrics}") from None
    files.write_text(args.out, card)


def facts(report: Json, metrics: Json) -> Json:
    """Every name a template may use: the single figures of `details`, the model's shape, and the tables."""
    model = metrics["evidence"].get("model", {})
    single = {key: value for key, value in metrics.get("details", {}).items() if not isinstance(value, dict)}
    names = list(dict.fromkeys(entry["metric"] for entry in metrics["metrics"]))
    return {
        **single,
        **model,
        "base_model": PUBLIC_NAMES.get(model.get("encoder"), model.get("encoder")),
        "metric_names": json.dumps(names),
        "source": metrics["source"],
        "verdict": wording.summary(report),
        "gate": captioned(tables.gate(report)),
        "measured": "\n\n".join(map(captioned, tables.measured(metrics))),
        "evidence": captioned(tables.evidence(report)),
    }


def captioned(content: Table) -> str:
    """A table under its caption, without a last line break."""
    return f"**{content.caption}**\n\n{markdown.table(content.header, content.rows)}".rstrip("\n")


if __name__ == "__main__":
    cli.run(main)
