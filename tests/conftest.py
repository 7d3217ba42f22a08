"""What every test shares: the scripts as commands, reproducible hypothesis, one thread."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: sums depend on the thread count

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parent.parent

pytest_plugins = ["tiny_workflow"]

hypothesis.settings.register_profile("sluice", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("sluice")

Run = Callable[..., subprocess.CompletedProcess[str]]


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no CUDA device here")


@pytest.fixture
def run_script() -> Run:
    """`run_script("gate.py", "--metrics", path)` runs scripts/gate.py; returncode, stdout and stderr come back."""

    def run(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / "scripts" / name), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=300)

    return run


@pytest.fixture
def run_python() -> Run:
    """`run_python("from lib import files")` runs a text as a script that may import lib."""

    def run(text: str, *arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", text, *map(str, arguments)]
        environment = os.environ | {"PYTHONPATH": str(ROOT / "scripts")}
        return subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment, **options)

    return run
