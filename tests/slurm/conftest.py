"""A real SLURM for the tests here: up before the first, down after the last; a skip says why there is none."""

import contextlib
import fcntl
from pathlib import Path

import pytest
from slurm import cluster

LOCK = Path("/run/lock/sluice-slurm")


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
