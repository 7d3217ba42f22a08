"""The workflow through a real scheduler: the bytes of a local run, and jobs that are stopped in every way."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from slurm import cluster
from slurm.conftest import NAICS
from slurm.submitted import Submitted
from tiny_workflow import ROOT, TINY, Workflow, copy_to, environment

pytestmark = [pytest.mark.slurm, pytest.mark.usefixtures("slurm_up")]

SIZES = {"small": {"mem_mb": 1500, "runtime": 1}, "large": {"mem_mb": 1500, "runtime": 5}}
MISFORTUNES = {"threads": 1, "device": "cuda", "cluster": {"partition": "cpu", "gpu_partition": "gpu", **SIZES}}
SPREAD = {"num_processes": 2, "threads": 1, "cluster": {"nodes": 2, **SIZES}}
TRAINING = {"preempted": 40, "timed_out": 120, "out_of_memory": 5}  # steps in misfortunes.smk
UNLIKE = {"lock", "tensorboard"}  # process numbers and times of day
SAME = 2e-3  # relative; what two processes may differ from one (tests/crash/test_processes.py)


@pytest.fixture(scope="module")
def ended(local, submit, tmp_path_factory) -> dict[str, Submitted]:
    """Workflows after their end: `misfortunes`, at the same time `naics`, `spread` over two nodes, and one interrupted.

    Each waits for the one before to be at work, so that no start takes the minute that a job may have.
    """
    misfortunes = start_misfortunes(submit, tmp_path_factory.mktemp("misfortunes"), "survivors", "hopeless")
    misfortunes.wait_until("tiny: step", "logs/preempted.log")
    subprocess.run(["srun", "--quiet", "--partition=urgent", "--gpus=2", "--time=1", "sleep", "1"], check=True)
    misfortunes.wait_until("tiny: step", "logs/timed_out.log")
    naics = submit(copy_to(tmp_path_factory.mktemp("naics")).folder, *NAICS, "--configfile", "tiny.yaml")
    naics.submitted = naics.wait_until("has been submitted")
    interrupted = start_misfortunes(submit, tmp_path_factory.mktemp("interrupted"), "interrupted")
    interrupted.wait_until("tiny: step", "logs/interrupted.log")
    interrupted.process.send_signal(signal.SIGINT)
    spread = start_spread(submit, local, tmp_path_factory.mktemp("spread") / "workflow")
    runs = {"naics": naics, "misfortunes": misfortunes, "interrupted": interrupted, "spread": spread}
    for run in runs.values():
        run.wait()
    return runs


def start_spread(submit, local: Workflow, folder: Path) -> Submitted:
    """The first stage of the finished workflow again, by a process on each of two nodes."""
    shutil.copytree(local.folder, folder)
    (folder / "tiny.yaml").write_text(yaml.safe_dump(TINY | SPREAD))
    return submit(folder, "results/naics/stage1.ckpt", "--configfile", "tiny.yaml")


def start_misfortunes(submit, folder: Path, *targets: str) -> Submitted:
    copy_to(folder)
    (folder / "tests").symlink_to(ROOT / "tests")
    (folder / "data.json").write_text(json.dumps([[(7 * i + j * j) % 11 / 11 for j in range(9)] for i in range(20)]))
    (folder / "misfortunes.yaml").write_text(yaml.safe_dump(MISFORTUNES))
    shutil.copy(ROOT / "tests/slurm/misfortunes.smk", folder)
    files = ["--snakefile", "misfortunes.smk", "--configfile", "misfortunes.yaml"]
    return submit(folder, *targets, *files, "--default-resources", "slurm_extra='--signal=TERM@1'")


def files(folder: Path) -> dict[str, bytes]:
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths if not UNLIKE & set(path.parts)}


def test_naics_through_the_scheduler_ends_with_the_bytes_of_a_local_run(ended, local, capsys):
    naics = ended["naics"]
    assert naics.process.returncode == 0, naics.said
    made, expected = (files(run.folder / "results/naics") for run in (naics, local))
    assert made == expected
    assert {"stage3.ckpt", "gate.json", "metrics.json", "index/index.faiss"} <= made.keys()
    with capsys.disabled():
        print(f"\nNAICS local: planned after {local.planned:.0f} s, finished after {local.ended:.0f} s")
        print(f"NAICS on SLURM, beside the misfortunes: first job submitted after {naics.submitted:.0f} s, ", end="")
        print(f"finished after {naics.ended:.0f} s")


def test_afterwards_a_touched_file_reruns_nothing(ended):
    """Checksums of large inputs are recorded by jobs of the cluster too."""
    workflow = Workflow(ended["naics"].folder)
    os.utime(workflow.folder / "results/naics/texts.safetensors")
    assert workflow.plan(*NAICS) == {}


def test_a_process_on_each_of_two_nodes_trains_what_one_does(ended, local):
    spread = ended["spread"]
    assert spread.process.returncode == 0, spread.said
    (job,) = spread.jobs("train_naics_stage")
    assert (job["state"], job["nodes"]) == ("COMPLETED", "2")
    ours, theirs = (losses(run.folder / "results/naics/stage1.history.csv") for run in (spread, local))
    assert ours == pytest.approx(theirs, rel=SAME)
    assert ours != theirs, "the sums of two processes are never in the order of one"


def losses(history: Path) -> list[float]:
    with history.open() as file:
        return [float(row[name]) for row in csv.DictReader(file) for name in ("loss", "grad_norm")]


def test_small_jobs_stay_here(ended):
    naics = ended["naics"]
    assert naics.jobs("gate") == []
    assert [job["partition"] for job in naics.jobs("encode_naics")] == ["cpu"]


@pytest.mark.parametrize("name", TRAINING)
def test_each_survivor_ends_with_the_bytes_of_an_undisturbed_run(ended, name, run_tiny):
    folder = ended["misfortunes"].folder
    assert files(folder / name) == run_tiny(TRAINING[name], folder / "data.json")


@pytest.fixture(scope="module")
def run_tiny(tmp_path_factory):
    def run(steps: int, data: Path) -> dict[str, bytes]:
        folder = tmp_path_factory.mktemp("undisturbed")
        flags = ["--data", data, "--steps", str(steps), "--state", folder / "state", "--out", folder / "out"]
        command = [sys.executable, ROOT / "tests/crash/tiny.py", *flags, "--save-seconds", "1000"]
        variables = environment() | {"PYTHONPATH": str(ROOT / "scripts")}
        subprocess.run(command, check=True, capture_output=True, env=variables)
        return files(folder / "out")

    return run


def resumed_at(run: Submitted, name: str) -> int:
    """The step; only a signal saves in these trainings, so a step above 0 was saved by one."""
    return int(re.findall(r"resumed at step (\d+)", (run.folder / f"logs/{name}.log").read_text())[0])


def test_a_preempted_job_saves_is_requeued_and_resumes(ended):
    run = ended["misfortunes"]
    assert 0 < resumed_at(run, "preempted") < TRAINING["preempted"]
    assert re.match(r"GPU [01]\n", (run.folder / "logs/preempted.log").read_text())
    (job,) = run.jobs("preempted")
    assert (job["state"], job["partition"]) == ("COMPLETED", "gpu"), "the same job, requeued by SLURM"


def test_a_job_at_its_time_limit_saves_and_goes_on_with_more_time(ended):
    run = ended["misfortunes"]
    step = resumed_at(run, "timed_out")
    assert 0 < step < TRAINING["timed_out"]
    assert f"stopped by SIGTERM after step {step}, state saved" in run.said
    first, second = run.jobs("timed_out")
    assert first["state"] in ("FAILED", "TIMEOUT") and first["limit"] == "1:00"
    assert second["state"] == "COMPLETED" and second["limit"] == "2:00"


def test_a_job_killed_for_memory_is_retried_with_more(ended):
    run = ended["misfortunes"]
    jobs = run.jobs("out_of_memory")
    assert [job["memory"] for job in jobs] == [f"{400 * (number + 1)}M" for number in range(len(jobs))]
    assert [job["state"] for job in jobs] == ["FAILED"] * (len(jobs) - 1) + ["COMPLETED"]
    logs = (run.folder / ".snakemake/slurm_logs/rule_out_of_memory").glob("*.log")
    assert len(jobs) > 1 and any("exceeded memory limit" in log.read_text() for log in logs)


def test_a_job_that_fails_for_good_is_reported_and_leaves_no_output(ended):
    run = ended["misfortunes"]
    assert run.process.returncode == 1
    assert [job["state"] for job in run.jobs("hopeless")] == ["FAILED"] * 4
    assert "gate.py: nowhere.json: No such file or directory" in run.said
    assert "Error in rule hopeless" in run.said and "Traceback" not in run.said
    assert not (run.folder / "hopeless").exists()


def test_an_interrupted_workflow_cancels_its_jobs_and_they_save(ended):
    run = ended["interrupted"]
    assert [job["state"] for job in run.jobs("interrupted")] == ["CANCELLED"]
    assert "stopped by SIGTERM" in (run.folder / "logs/interrupted.log").read_text()
    assert len(list((run.folder / "state/interrupted/tiny").glob("*.safetensors"))) == 1


def test_the_cluster_goes_without_a_trace():
    """Last: a job that runs is ended too, a second call finds nothing to do, and up and down again work."""
    subprocess.run(["sbatch", "--output=/dev/null", "--wrap", "sleep 1000"], check=True, capture_output=True)
    for _ in range(2):
        cluster.down()
        assert not cluster.HOME.exists() and not (cluster.ETC / "slurm.conf").exists()
        assert running() == []
    cluster.up()
    cluster.up()
    cluster.down()
    assert running() == []


def running() -> list[str]:
    commands = (cluster.command(int(path.name)) for path in Path("/proc").glob("[0-9]*"))
    return [command for command in commands if Path(command.split(" ")[0]).name.startswith(("slurm", "munged"))]
