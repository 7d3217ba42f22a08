"""Judge one pipeline's metrics.json against its bars and write the gate report.

A low score is a verdict, not an error: the report is written either way and verdict.py refuses.
Runs in a fraction of a second, so that moving a bar never trains anything.
"""

from pathlib import Path

from lib import cli, config, files, gates


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--metrics", type=Path, required=True, help="what eval_unified.py measured")
    parser.add_argument(
        "--bars",
        type=cli.json_value,
        required=True,
        help="JSON list of {metric, slice, min | max | min_gain, over, dataset, advisory}",
    )
    parser.add_argument("--out", type=Path, required=True, help="the gate report, JSON")
    args = parser.parse_args()

    metrics = config.read(args.metrics, "metrics")
    config.check(args.bars, "bars", "--bars")

    report = gates.judge(metrics, args.bars)
    config.check(report, "gate", str(args.out))
    files.write_json(args.out, report)
    cli.log(f"{report['pipeline']}: {'passed' if report['passed'] else 'blocked'}")


if __name__ == "__main__":
    cli.run(main)
