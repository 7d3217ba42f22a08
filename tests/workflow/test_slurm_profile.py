"""What the plan asks a cluster for; no SLURM needed."""

import re
import shlex
import subprocess
import sys

import pytest
from tiny_workflow import ROOT, Workflow, environment

PROFILE = ("--workflow-profile", "profiles/slurm")
ALL = (
    "results/report.html",
    "results/gates.passed",
    "results/naics/geometry.md",
    "results/tickets/index/manifest.json",
    "results/mamba/index/manifest.json",
    "results/correlation/model/reader.json",
)


def jobs(workflow: Workflow, *args: str) -> dict[str, dict[str, str]]:
    """Resources of each rule in the plan that the profile makes; those of a rule's jobs are the same."""
    done = workflow.snakemake("--dry-run", "--forceall", "--printshellcmds", *ALL, *PROFILE, *args)
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.findall(
        r"^ *(?:local)?rule (\w+):\n(?:.+\n)*? *resources: (.*)\n(?: *Shell command: (.*)\n)?",
        done.stdout + done.stderr,
        re.MULTILINE,
    )
    return {
        rule: {"command": command, **dict(item.split("=", 1) for item in resources.split(", "))}
        for rule, resources, command in found
    }


def local(rule: str) -> bool:
    return rule in ("all", "gate", "verdict") or rule.startswith("report_")


def test_every_rule_asks_or_stays_here(finished):
    for rule, asked in jobs(finished).items():
        assert ("runtime" in asked) != local(rule), f"{rule}: needs resources: **asks(...) or localrule: True"
        assert local(rule) or asked["mem_mb"] == ("2000" if asked["runtime"] == "30" else "8000")


def test_a_job_is_told_before_its_time_limit(finished):
    assert {asked["slurm_extra"] for asked in jobs(finished).values()} == {"--signal=TERM@120"}


def test_what_takes_a_device_goes_to_the_gpus_and_nothing_else_does(finished):
    config = ["--config", "device=cuda", "cluster={account: lab, partition: cores, gpu_partition: cards}"]
    planned = {rule: asked for rule, asked in jobs(finished, *config).items() if not local(rule)}
    assert {asked["slurm_account"] for asked in planned.values()} == {"lab"}
    for rule, asked in planned.items():
        wanted = ("1", "cards") if "--device cuda" in asked["command"] else ("0", "cores")
        assert (asked["gpu"], asked["slurm_partition"]) == wanted, rule


def test_no_partition_is_named_unless_the_config_does(finished):
    assert not any({"slurm_partition", "slurm_account"} & asked.keys() for asked in jobs(finished).values())


@pytest.mark.parametrize(
    "old, new, said",
    [
        ("partition: null ", "partition: 3 ", "cluster.partition"),
        ("runtime: 30", "runtime: 0", "cluster.small.runtime"),
    ],
)
def test_row_19_a_wrong_request_fails_when_the_plan_is_made(edited, old, new, said):
    edited.edit("config/config.yaml", old, new)
    done = edited.snakemake("--dry-run", *PROFILE)
    assert done.returncode != 0 and said in done.stdout + done.stderr


def test_more_memory_or_time_reruns_nothing(edited):
    edited.edit("config/config.yaml", "large: {mem_mb: 8000, runtime: 240}", "large: {mem_mb: 9000, runtime: 250}")
    assert edited.plan() == {}


COMMANDS = re.findall(r"^    (snakemake .*)$", (ROOT / "docs/slurm.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_documented_commands_plan(command):
    words = [sys.executable, "-m", *shlex.split(command), "--dry-run", "--quiet"]
    done = subprocess.run(words, cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
