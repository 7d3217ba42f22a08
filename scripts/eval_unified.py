"""Measure one pipeline's model against its baselines: the metrics.json that gate.py judges.

The pipeline's own evaluation is loaded by name, so that a change in one pipeline never reruns the
evaluation of another.
"""

import importlib
import sys
from pathlib import Path

from lib import cli, config, files, provenance

PIPELINES = ("correlation", "mamba", "naics", "tickets")


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("pipeline", choices=PIPELINES, help="whose model")
    parser.add_argument("--out", type=Path, required=True, help="metrics.json")
    pipeline = next((word for word in sys.argv[1:] if word in PIPELINES), PIPELINES[0])
    evaluation = importlib.import_module(f"lib.{pipeline}.evaluation")
    evaluation.add_arguments(parser)
    args = parser.parse_args()

    metrics = evaluation.measure(args)
    metrics["evidence"] |= {
        "code_sha256": provenance.code_hash("eval_unified.py", f"lib/{pipeline}/evaluation.py"),
        "git_revision": provenance.git_revision(),
        "environment": provenance.environment(),
    }
    config.check(metrics, "metrics", str(args.out))
    files.write_json(args.out, metrics)


if __name__ == "__main__":
    cli.run(main)
