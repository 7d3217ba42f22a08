"""A copy of the workflow with knobs so small that every job runs in seconds, run once for all tests here."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("Snakefile", "rules", "scripts", "config", "envs", "profiles", "README.md")
TARGETS = (
    "results/naics/gate.json",
    "results/naics/index/manifest.json",
    "results/tickets/gate.json",
    "results/correlation/gate.json",
    "results/mamba/gate.json",
    "results/report.html",
)
TINY = {
    "pipelines": ["naics", "tickets", "correlation", "mamba"],
    "reported": [],
    "threads": 1,
    "naics": {
        "data": {"source": "packages"},
        "encoder": {"cut": 5},
        "texts": {"max_lengths": dict.fromkeys(("title", "description", "excluded", "examples"), 8)},
        "model": {"expert_hidden": 8, "dim": 8, "r": 2, "target_modules": ["query"]},
        "train": {
            "batch_size": 8,
            "adapter_descriptions": 0,
            "live_codes": 2,
            "listwise_anchors": 8,
            "triplet_batch": 8,
            "k_negatives": 4,
        },
        "stages": {f"stage{n}": {"steps": 2} for n in (1, 2, 3)},
    },
    "tickets": {
        "data": {"max_labelled": 160, "max_unlabelled": 20},
        "pairs": {"per_phase": 60},
        "encoder": {"max_length": 12},
        "model": {"r": 2, "target_modules": ["query"], "matryoshka_dims": [64]},
        "train": {"steps": 3, "batch_size": 4, "eval_steps": 0},
        "retention": {"retention": 0.0},
        "probe": {"validation_tickets": 40, "max_forgetting": 1.0},
        "eval": {"corpus": 120, "judged_pairs": 50},
    },
    "correlation": {
        "data": {"resamples": 20},
        "head": {"heads": 1, "hidden": 8, "directions": 4},
        "train": {"num_train_epochs": 1, "eval_steps": 0},
        "tune": {
            "repeats": 1,
            "tried": {
                "directions": [4],
                "rag_top_k": [0],
                "learning_rate": [0.01],
                "regression_loss_weight": [10.0],
                "regression_loss_type": ["mse"],
            },
        },
        "eval": {"samples": 1},
    },
    "mamba": {
        "data": {"max_articles": 60, "max_chunks": 10},
        "payload": {"max_length": 8},
        "model": {"n_layers": 1, "d_model": 16, "d_state": 8, "headdim": 8, "rank": 4, "buckets": 64},
        "train": {"epochs": 2},
        "smoke": {"smoke_cosine": 0.0, "validation_limit": 20},
        "baselines": {"rank": 4, "steps": 2, "eval_steps": 1, "batch_size": 32, "validation_windows": 20},
        "windows": {"limit": 60},
        "index": {"nlist": [4], "k": 10},
        "eval": {"timed": 3},
    },
}


class Workflow:
    """A folder with a workflow in it, and what its plan would do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def snakemake(self, *args: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "snakemake", *args, "--cores", "2", "--configfile", "tiny.yaml"]
        return subprocess.run(command, cwd=self.folder, env=environment(), capture_output=True, text=True)

    def plan(self, *targets: str) -> dict[str, int]:
        """Rule and number of jobs that a dry-run would start."""
        done = self.snakemake("--dry-run", *(targets or TARGETS))
        assert done.returncode == 0, done.stdout + done.stderr
        table = re.search(r"Job stats:\n.*?\n-+ +-+\n(.*?)\ntotal", done.stdout + done.stderr, re.DOTALL)
        lines = (line.split() for line in table.group(1).splitlines()) if table else ()
        return {rule: int(count) for rule, count in lines}

    def edit(self, path: str, old: str, new: str) -> None:
        text = (self.folder / path).read_text()
        assert old in text, f"{path} has no {old!r}"
        (self.folder / path).write_text(text.replace(old, new, 1))


def environment() -> dict[str, str]:
    """What Snakemake and its jobs inherit: this Python first on the path, one thread, no data folder."""
    kept = {key: value for key, value in os.environ.items() if key != "SLUICE_DATA"}
    return kept | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}


def copy_to(folder: Path) -> Workflow:
    for part in PARTS:
        source = ROOT / part
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / part)
    (folder / "tiny.yaml").write_text(yaml.safe_dump(TINY))
    return Workflow(folder)


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Workflow:
    """The tiny workflow after a whole run. Tests must leave it as they found it.

    Of several test processes the first one runs it, and each has a copy.
    """
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    with (shared / "finished.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "finished").exists():
            _run(copy_to(tmp_path_factory.mktemp("running"))).rename(shared / "finished")
    return Workflow(shutil.copytree(shared / "finished", own / "workflow", symlinks=True))


def _run(workflow: Workflow) -> Path:
    done = workflow.snakemake(*TARGETS)
    assert done.returncode == 0, done.stdout + done.stderr
    return workflow.folder


@pytest.fixture
def edited(finished, tmp_path):
    """The finished workflow, put back after the test has edited files named in PARTS."""
    kept = tmp_path / "kept"
    kept.mkdir()
    for part in (*PARTS, "tiny.yaml"):
        source = finished.folder / part
        shutil.copytree(source, kept / part) if source.is_dir() else shutil.copy2(source, kept / part)
    yield finished
    for part in (*PARTS, "tiny.yaml"):
        target = finished.folder / part
        if target.is_dir():
            shutil.rmtree(target)
            shutil.copytree(kept / part, target)
        else:
            shutil.copy2(kept / part, target)
