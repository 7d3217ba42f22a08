"""The plan of the workflow: what each source of correlations needs, made where nothing has been run."""

import json
import os
import re
import shlex
import subprocess
import sys

import pytest
import yaml

from lib.provenance import SCRIPTS

ROOT = SCRIPTS.parent
CHAIN = {"prepare_contracts": 1, "index_correlation": 2, "tune_correlation": 3, "train_correlation": 3}
CHAIN |= {"eval_correlation": 1, "gate": 1}


def plan(tmp_path, source: str, *more: str, **environment: str) -> subprocess.CompletedProcess:
    """What snakemake would run for the gate."""
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"correlation": {"data": {"source": source}}}))
    configs = [str(ROOT / "config" / f"{name}.yaml") for name in ("config", "naics", "tickets", "correlation")]
    for part in ("scripts", "config"):
        (tmp_path / part).symlink_to(ROOT / part)
    command = ["-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(tmp_path), "--cores", "1"]
    flags = ["--workflow-profile", "none", "--dry-run", "results/correlation/gate.json"]
    kept = {key: value for key, value in os.environ.items() if key != "SLUICE_DATA"}
    return subprocess.run(
        [sys.executable, *command, *flags, *more, "--configfile", *configs, "mine.yaml"],
        cwd=tmp_path,
        env=kept | environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(("source", "first"), [("sample", {}), ("database", {"export_contracts": 1})])
def test_each_source_leads_to_the_gate(tmp_path, source, first):
    done = plan(tmp_path, source)
    assert done.returncode == 0, done.stdout + done.stderr
    table = re.search(r"Job stats:\n.*?\n-+ +-+\n(.*?)\ntotal", done.stdout + done.stderr, re.DOTALL)
    assert table is not None
    assert {rule: int(count) for rule, count in map(str.split, table[1].splitlines())} == CHAIN | first


def test_cross_entropy_alone_chooses_among_the_same_but_for_the_regression(tmp_path):
    """Each arm's trials as the commands say them; what the environment sets is not tried."""
    tried = tried_of(plan(tmp_path, "sample", "--printshellcmds", RAG_TOP_K="7"))
    regression = {"regression_loss_weight", "regression_loss_type"}
    assert tried["random"] == {}
    assert regression < tried["model"].keys()
    assert tried["ce_only"] == {name: values for name, values in tried["model"].items() if name not in regression}
    assert "rag_top_k" not in tried["model"]


def tried_of(done: subprocess.CompletedProcess) -> dict[str, dict]:
    """What every arm's tuning tries."""
    words = [shlex.split(line) for line in done.stdout.splitlines() if "tune_correlation.py --data" in line]
    return {after(line, "--name").removeprefix("tune_"): json.loads(after(line, "--tried")) for line in words}


def after(words: list[str], flag: str) -> str:
    return words[words.index(flag) + 1]


def test_row_13_a_setting_that_cannot_be_is_one_line(tmp_path):
    done = plan(tmp_path, "sample", RAG_TOP_K="many")
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert "environment: RAG_TOP_K 'many', expected a whole number from 1 on" in said
    assert "Traceback" not in said
