"""Time of `snakemake -n` on this workflow against an empty Snakefile: what planning costs a user.

    PYTHONPATH=scripts python benchmarks/plan_time.py

The least wall time of several plans each, which other load disturbs least.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lib.provenance import environment

ROOT = Path(__file__).resolve().parent.parent
REPEATS = 5


def main() -> None:
    with tempfile.TemporaryDirectory() as empty:
        (Path(empty) / "Snakefile").write_text("rule all:\n    input: []\n")
        ours, none = fastest(ROOT), fastest(Path(empty))
    print(environment())
    print(f"this workflow {ours:.2f} s, an empty one {none:.2f} s, ratio {ours / none:.2f}")


def fastest(folder: Path) -> float:
    """Seconds of the fastest of several dry-runs."""
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--nolock", "--quiet", "all", "--cores", "1"]
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return min(times)


if __name__ == "__main__":
    main()
