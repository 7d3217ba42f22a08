"""Which split judges: gates read the test split, and nothing that is chosen by does."""

import re
import subprocess
import sys

from tiny_workflow import ROOT, TINY, environment


def test_gates_read_the_test_split_and_nothing_else_does():
    """Every evaluation that the plan holds, by what it writes."""
    targets = [f"results/{pipeline}/gate.json" for pipeline in TINY["pipelines"]]
    command = [sys.executable, "-m", "snakemake", *targets, "results/report.html", "results/naics/geometry.md"]
    flags = ["--cores", "1", "--dry-run", "--forceall", "--printshellcmds", "--nolock"]
    done = subprocess.run([*command, *flags], cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.findall(r"eval_unified\.py (.*) --split (\w+) .*--out (\S+)", done.stdout + done.stderr)
    splits = {out: split for _, split, out in found}
    assert {out for out, split in splits.items() if split == "test"} == {
        target.replace("gate", "metrics") for target in targets
    }
    assert "validation" in splits.values()
    assert len(found) == (done.stdout + done.stderr).count("Shell command: python scripts/eval_unified.py")
