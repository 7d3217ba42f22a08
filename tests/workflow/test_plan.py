"""The plan: what a user's typing error, a stranger's target and the linters see."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "old, new, said",
    [
        ("batch_size: 8", "btach_size: 8", "did you mean 'batch_size'"),
        ("    dim: 8", "    dim: 1", "naics.model.dim"),
        ("threads: 1", "threads: one", "threads"),
        ("cut: 5", "cut: 1e-1", "is text, expected integer"),
    ],
)
def test_row_19_a_config_error_fails_when_the_plan_is_made(edited, old, new, said):
    edited.edit("tiny.yaml", old, new)
    done = edited.snakemake("--dry-run", "results/naics/gate.json")
    assert done.returncode != 0
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_the_user_s_own_example_is_a_target(finished):
    plan = finished.plan("--forceall", "results/naics/stage3.ckpt")
    assert plan == {"prepare_naics": 1, "encode_naics": 1, "train_naics_stage": 3}


def test_the_report_has_the_stages_where_the_configuration_asks_for_them(edited):
    asked = {"eval_naics_validation": 3, "embed_naics": 2, "report_page": 1}
    edited.edit("config/naics.yaml", "report_stages: false", "report_stages: true")
    assert edited.plan() == asked


def test_every_rule_logs_and_shows_its_command(finished):
    done = finished.snakemake("--dry-run", "--forceall", "--printshellcmds", "results/naics/gate.json")
    output = done.stdout + done.stderr
    assert output.count("log: logs/") == output.count("Shell command: python scripts/")


@pytest.mark.parametrize(
    "command",
    [
        ["-m", "snakemake", "--lint"],
        ["-m", "snakefmt", "--check", "Snakefile", "rules"],
    ],
)
def test_lint_is_clean(command):
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
