"""A real SLURM for the tests here: up before the first, down after the last; a skip says why there is none."""

import contextlib
import fcntl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from slurm import cluster
from slurm.submitted import Submitted
from tiny_workflow import Workflow, copy_to

LOCK = Path("/run/lock/sluice-slurm")
NAICS = ["results/naics/gate.json", "results/naics/index/manifest.json"]


class Local(Workflow):
    """A workflow after its run on this machine, with the seconds of a dry-run and of the run."""

    planned: float
    ended: float


@pytest.fixture(scope="session")
def slurm_up():
    """One test run of a machine has the cluster at a time; another waits."""
    with contextlib.ExitStack() as stack:
        try:
            lock = stack.enter_context(LOCK.open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX)
            stack.callback(cluster.down)
            cluster.up()
        except (cluster.NoCluster, PermissionError) as reason:
            pytest.skip(f"no SLURM: {reason}")
        yield


@pytest.fixture(scope="session")
def local(slurm_up, tmp_path_factory) -> Local:  # noqa: ARG001
    """The tiny NAICS without a scheduler: what the cluster must equal."""
    workflow = Local(copy_to(tmp_path_factory.mktemp("local")).folder)
    started = time.monotonic()
    workflow.plan(*NAICS)
    workflow.planned = time.monotonic() - started
    done = workflow.snakemake(*NAICS)
    workflow.ended = time.monotonic() - started - workflow.planned
    assert done.returncode == 0, done.stdout + done.stderr
    return workflow


@pytest.fixture(scope="session")
def submit(slurm_up) -> Iterator:  # noqa: ARG001
    """`submit(folder, *args)` starts a workflow on the cluster; none outlives the tests, nor a set-up that failed."""
    with contextlib.ExitStack() as stack:

        def start(folder: Path, *args: str) -> Submitted:
            run = Submitted(folder, *args)
            stack.callback(run.stop)
            return run

        yield start
