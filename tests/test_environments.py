"""One set of pins, written for pip and uv and for conda, and installed here."""

import re
from importlib import metadata
from pathlib import Path

import yaml

ENVS = Path(__file__).resolve().parent.parent / "envs"


def pins(name: str = "requirements.txt") -> list[str]:
    return [line for line in (ENVS / name).read_text().splitlines() if line and not line.startswith("#")]


EVERY = pins() + pins("requirements-gpu.txt")


def test_every_requirement_is_pinned_exactly_and_once():
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.]+", line) for line in EVERY)
    names = [re.sub(r"[-_.]+", "-", line.split("==")[0]).lower() for line in EVERY]
    assert len(names) == len(set(names))


def test_conda_installs_the_same_pins():
    environment = yaml.safe_load((ENVS / "environment.yaml").read_text())
    assert environment["dependencies"][-1]["pip"] == pins()


def test_what_is_installed_is_what_is_pinned():
    """A build for a device (2.13.0+cpu) is its version."""
    wanted = dict(line.split("==") for line in pins())
    assert {name: metadata.version(name).split("+")[0] for name in wanted} == wanted


def test_a_gpu_has_the_same_pins_but_for_faiss():
    environment = yaml.safe_load((ENVS / "environment-gpu.yaml").read_text())
    shared = [pin for pin in pins() if not pin.startswith("faiss-cpu")]
    assert environment["dependencies"][-1]["pip"] == shared + pins("requirements-gpu.txt")
