"""Another workflow uses one pipeline as a module: its own configuration, its own folder, its own rule names."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_workflow import ROOT, Workflow, copy_to, environment

OTHER = """
module sluice:
    snakefile: "{snakefile}"
    config: {config}
    {more}

use rule {rules} from sluice as sluice_*

rule all:
    default_target: True
    input: "judged.txt"

rule judged:
    input: "results/naics/gate.json"
    output: "judged.txt"
    shell: "cp {{input}} {{output}}"
"""
CONFIG = {"pipelines": ["naics"], "naics": {"data": {"source": "packages"}, "stages": {"stage2": {"steps": 7}}}}


class Other(Workflow):
    def snakemake(self, *args: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "snakemake", *args, "--cores", "1"]
        return subprocess.run(command, cwd=self.folder, env=environment(), capture_output=True, text=True)


@pytest.fixture
def other(tmp_path):
    def write(config: dict = CONFIG, snakefile: Path = ROOT / "Snakefile", more: str = "", rules: str = "*") -> Other:
        told = OTHER.format(snakefile=snakefile, config=config, more=more, rules=rules)
        (tmp_path / "Snakefile").write_text(told)
        return Other(tmp_path)

    return write


def test_the_plan_has_one_pipeline_under_its_own_names_and_settings(other):
    workflow = other()
    plan = workflow.plan("all")
    assert plan.pop("sluice_train_naics_stage") == 3
    once = ("prepare_naics", "encode_naics", "embed_naics", "eval_naics", "gate")
    assert plan == {**{f"sluice_{rule}": 1 for rule in once}, "judged": 1, "all": 1}
    done = workflow.snakemake("--dry-run", "--printshellcmds", "results/naics/stage3.ckpt")
    output = (done.stdout + done.stderr).splitlines()
    told = [line for line in output if "train_naics_stage.py" in line and "--out" in line]
    assert ["--steps 7" in line for line in told] == [False, True, False]
    assert all("--source packages" not in line and "--dim 384" in line for line in told), "the rest are our defaults"


def test_a_target_is_made_in_the_other_s_folder(other):
    workflow = other()
    done = workflow.snakemake("results/naics/data/source.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((workflow.folder / "results/naics/data/source.json").read_text())["asked"] == "packages"
    assert workflow.plan("results/naics/data/source.json") == {}


def test_some_rules_are_taken_alone(other):
    workflow = other(rules="prepare_naics, encode_naics")
    plan = workflow.plan("results/naics/texts.safetensors")
    assert plan == {"sluice_prepare_naics": 1, "sluice_encode_naics": 1}


def test_a_clone_inside_the_other_s_folder_plans_too(other, tmp_path):
    """The way a submodule lies; paths that do not begin with .. are what Snakemake would change."""
    (tmp_path / "sluice").mkdir()
    copy_to(tmp_path / "sluice")
    assert other(snakefile=Path("sluice/Snakefile")).plan("all")["sluice_train_naics_stage"] == 3


@pytest.mark.parametrize(
    ("config", "more", "said"),
    [
        ({"naics": {"train": {"btach_size": 8}}}, "", "did you mean 'batch_size'"),
        (CONFIG, 'prefix: "ours"', "prefix is not supported"),
    ],
)
def test_row_19_what_cannot_be_is_refused_when_the_plan_is_made(other, config, more, said):
    done = other(config, more=more).snakemake("--dry-run")
    assert done.returncode != 0 and said in done.stdout + done.stderr


def test_the_workflow_runs_in_another_folder(tmp_path):
    """Two copies with different settings, from one clone."""
    command = [sys.executable, "-m", "snakemake", "--directory", str(tmp_path), "--dry-run", "--quiet", "--cores", "1"]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
