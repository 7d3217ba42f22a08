"""Print the table of all gates; exit 1 if one blocks, touch the output if none does."""

from pathlib import Path
from typing import Any

from lib import cli, config, files
from lib.errors import BUG
from lib.report.wording import UNKNOWN, spread


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("gates", type=Path, nargs="+", help="gate reports")
    parser.add_argument("--out", type=Path, required=True, help="written only when every gate passed")
    args = parser.parse_args()

    reports = [config.read(path, "gate") for path in args.gates]
    print(table(reports))

    blocked = [report["pipeline"] for report in reports if not report["passed"]]
    if blocked:
        args.out.unlink(missing_ok=True)
        cli.log(f"blocked: {', '.join(blocked)}")
        raise SystemExit(BUG)
    files.write_text(args.out, "".join(f"{report['pipeline']} passed\n" for report in reports))


def table(reports: list[dict[str, Any]]) -> str:
    """One line a check: what was measured, the bar, the hardest baseline and the verdict."""
    header = ("pipeline", "metric", "slice", "value [95 %]", "n", "bar", "baseline (lead [95 %])", "verdict")
    rows = [header, *(row(report["pipeline"], check) for report in reports for check in report["checks"])]
    widths = [max(len(line[column]) for line in rows) for column in range(len(header))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in rows)


def row(pipeline: str, check: dict[str, Any]) -> tuple[str, ...]:
    kind, bar = next(iter(check["bar"].items()))
    baseline = check["baseline"]
    lead = UNKNOWN
    if baseline and baseline["value"] is not None:
        gain = spread(baseline["difference"], baseline["interval"], "+")
        lead = f"{baseline['name']} {baseline['value']:.3f} ({gain})"
    verdict = check["verdict"] + (" (advisory)" if check["advisory"] else "")
    return (
        pipeline,
        check["metric"],
        check["slice"],
        spread(check["value"], check["interval"]),
        str(check["n"]),
        f"{kind} {bar:g}",
        lead,
        verdict if check["verdict"] == "pass" else f"{verdict}: {check['reason']}",
    )


if __name__ == "__main__":
    cli.run(main)
