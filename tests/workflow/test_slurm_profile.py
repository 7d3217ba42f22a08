"""What the plan asks a cluster for; no SLURM needed."""

import re
import shlex
import subprocess
import sys

import pytest
import yaml
from tiny_workflow import ROOT, TINY, Workflow, environment

PROFILE = ("--profile", "profiles/slurm")
ALL = (
    "results/report.html",
    "results/gates.passed",
    "results/naics/geometry.md",
    "results/tickets/index/manifest.json",
    "results/mamba/index/manifest.json",
    "results/mamba/corpus/manifest.json",
    "results/correlation/model/reader.json",
)


def jobs(workflow: Workflow, *args: str, profile: tuple[str, ...] = PROFILE) -> dict[str, dict[str, str]]:
    """Resources of each rule in the plan that the profile makes; those of a rule's jobs are the same."""
    done = workflow.snakemake("--dry-run", "--forceall", "--printshellcmds", *ALL, *profile, *args)
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


def test_either_kind_of_profile_asks_for_the_same(finished):
    cuda = ["--config", "device=cuda", "num_processes=4"]
    asked, same = (
        jobs(finished, *cuda, profile=(kind, "profiles/slurm")) for kind in ("--profile", "--workflow-profile")
    )
    for job in (*asked.values(), *same.values()):
        del job["command"]  # of one of the rule's jobs, in no order
    assert asked == same
    assert asked["train_naics_stage"]["gpu"] == "4", "not capped by the one GPU of a local run"


def test_profiles_that_are_laid_over_each_other_do_not_differ():
    default, slurm = (
        yaml.safe_load((ROOT / f"profiles/{name}/config.yaml").read_text()) for name in ("default", "slurm")
    )
    assert {key: slurm[key] for key in default.keys() & slurm.keys()} == {
        key: default[key] for key in default.keys() & slurm.keys()
    }
    assert default.keys() - slurm.keys() == {"resources"}, "what else should hold for a local run alone?"


def test_a_local_run_has_one_gpu_and_a_cluster_is_not_held_to_it(finished):
    """Local-scoped resources are left out of what Snakemake's scheduler counts when jobs go elsewhere."""
    assert re.search(r'resource_scopes:\n    local_gpu="local"', (ROOT / "rules/common.smk").read_text())
    for rule, asked in jobs(finished, "--config", "device=cuda", "num_processes=2").items():
        assert asked.get("local_gpu", "0") == str(min(1, int(asked.get("gpu", "0")))), rule


def spread(workflow: Workflow, processes: int, nodes: int) -> None:
    """Let trainings run on several nodes."""
    knobs = TINY | {"num_processes": processes, "threads": 4, "cluster": {"nodes": nodes}}
    (workflow.folder / "tiny.yaml").write_text(yaml.safe_dump(knobs))


def test_trainings_on_several_nodes_meet_on_the_first(edited):
    spread(edited, 8, 2)
    planned = jobs(edited, "--config", "device=cuda")
    trainings = {rule: asked for rule, asked in planned.items() if "srun" in asked["command"]}
    assert trainings.keys() == {
        "train_naics_stage",
        "train_naics_geometry",
        "train_correlation",
        "train_tickets",
        "train_mamba_contrastive",
    }
    for asked in trainings.values():
        assert asked["command"].startswith(
            "OMP_NUM_THREADS=1 srun --nodes=2 --ntasks=2 --ntasks-per-node=1 --cpus-per-task=4"
            " python -m torch.distributed.run --nproc-per-node 4 --nnodes 2 --rdzv-backend c10d"
        )
        assert "--rdzv-endpoint $(hostname):" in asked["command"]
        wanted = {"nodes": "2", "mpi": "srun", "tasks": "2", "gpu": "8"}
        assert {key: asked[key] for key in wanted} == wanted
    assert all("nodes" not in asked for rule, asked in planned.items() if rule not in trainings)


def test_row_19_processes_that_nodes_cannot_share(edited):
    spread(edited, 3, 2)
    done = edited.snakemake("--dry-run", *PROFILE)
    assert done.returncode != 0
    assert "num_processes 3, expected a multiple of cluster.nodes 2" in done.stdout + done.stderr


def test_a_corpus_is_embedded_and_indexed_by_a_job_a_shard(edited):
    (edited.folder / "tiny.yaml").write_text(yaml.safe_dump({"mamba": {"shards": 5}}))
    plan = edited.plan("--forceall", "results/mamba/corpus/manifest.json")
    assert plan.pop("prepare_articles") == 1
    assert plan == {"embed_articles": 5, "train_faiss_index": 1, "fill_faiss_index": 5, "merge_faiss_index": 1}


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
