"""The plan of the workflow: what each source of correlations needs, made where nothing has been run."""

import os
import re
import subprocess
import sys

import pytest
import yaml

from lib.provenance import SCRIPTS

ROOT = SCRIPTS.parent
CHAIN = {"prepare_contracts": 1, "index_correlation": 2, "train_correlation": 3, "eval_correlation": 1, "gate": 1}


@pytest.mark.parametrize(("source", "first"), [("sample", {}), ("database", {"export_contracts": 1})])
def test_each_source_leads_to_the_gate(tmp_path, source, first):
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"correlation": {"data": {"source": source}}}))
    configs = [str(ROOT / "config" / f"{name}.yaml") for name in ("config", "naics", "tickets", "correlation")]
    for part in ("scripts", "config"):
        (tmp_path / part).symlink_to(ROOT / part)
    command = ["-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(tmp_path), "--cores", "1"]
    flags = ["--workflow-profile", "none", "--dry-run", "results/correlation/gate.json"]
    environment = {key: value for key, value in os.environ.items() if key != "SLUICE_DATA"}
    done = subprocess.run(
        [sys.executable, *command, *flags, "--configfile", *configs, "mine.yaml"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    table = re.search(r"Job stats:\n.*?\n-+ +-+\n(.*?)\ntotal", done.stdout + done.stderr, re.DOTALL)
    assert table is not None
    assert {rule: int(count) for rule, count in map(str.split, table[1].splitlines())} == CHAIN | first
