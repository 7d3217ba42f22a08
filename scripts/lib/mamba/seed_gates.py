"""The original's four gates, printed beside the honest ones: what they say of the same run, without baselines."""

import argparse
from typing import Any

from .. import cli
from .ranking import EXCLUDED

# flag, metric, slice, the original's bar, whether it is a ceiling
GATES = (
    ("gate_contain50", "contain_at_50", EXCLUDED, 0.60, False),
    ("gate_eff5", "eff_at_5", EXCLUDED, 0.68, False),
    ("gate_r5", "recall_at_5", EXCLUDED, 0.40, False),
    ("gate_p95", "p95_ms", "search", 1.45, True),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One flag a gate, with the original's name and bar."""
    for flag, metric, _, bar, _ in GATES:
        parser.add_argument(
            "--" + flag.replace("_", "-"), type=float, default=bar, help=f"the original's bar of {metric}"
        )


def judge(entries: list[dict[str, Any]], args: argparse.Namespace) -> list[dict[str, Any]]:
    """Value, bar and verdict of each, also logged; they block nothing, a baseline may meet them as well."""
    values = {(entry["metric"], entry["slice"]): entry["value"] for entry in entries}
    verdicts = []
    for flag, metric, slice_name, _, ceiling in GATES:
        value, bar = values[metric, slice_name], getattr(args, flag)
        passed = value is not None and (value <= bar if ceiling else value >= bar)
        verdicts.append({"metric": metric, "slice": slice_name, "value": value, "bar": bar, "passed": passed})
        cli.log(f"seed gate: {metric} {value} {'<=' if ceiling else '>='} {bar}: {'passed' if passed else 'missed'}")
    return verdicts
