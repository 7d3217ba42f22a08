"""What made a file: the code that ran, the libraries, the machine's share in it."""

import hashlib
import importlib.metadata
import os
import platform
import re
import subprocess
from functools import cache
from pathlib import Path

from .files import read_text, sha256

SCRIPTS = Path(__file__).resolve().parent.parent
# An import statement: read by its form, because parsing every script took an eighth of a plan's time. What only looks
# like one, in a text, names no file.
IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n#]*)|import[ \t]+([^\n#]*))", re.MULTILINE
)
LIBRARIES = ("torch", "transformers", "peft", "numpy", "scipy", "scikit-learn", "faiss-cpu", "polars", "safetensors")


def code_files(*names: str) -> list[Path]:
    """The named files below scripts/ and the transitive closure of their imports from `lib`, sorted.

    Found by reading, not running. A script that dispatches by importlib is named together with
    the module it will load: `code_files("eval_unified.py", "lib/naics/evaluation.py")`.
    """
    found: set[Path] = set()
    queue = [SCRIPTS / name for name in names]
    while queue:
        file = queue.pop()
        if file not in found:
            found.add(file)
            queue.extend(_local_imports(file))
    return sorted(found)


def code_hash(*names: str) -> str:
    """One digest of everything `code_files` finds."""
    lines = (f"{file.relative_to(SCRIPTS).as_posix()} {sha256(file)}\n" for file in code_files(*names))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@cache
def _local_imports(file: Path) -> tuple[Path, ...]:
    package = file.parent.relative_to(SCRIPTS).parts
    found: list[Path] = []
    for dots, module, names, modules in IMPORT.findall(read_text(file)):
        for plain in re.findall(r"[\w.]+", modules):
            found += _resolve(tuple(plain.split(".")))
        if names:
            base = package[: len(package) - len(dots) + 1] if dots else ()
            base += tuple(module.split(".") if module else ())
            found += _resolve(base)
            for name in re.findall(r"\w+", names):
                found += _resolve((*base, name))
    return tuple(found)


def _resolve(parts: tuple[str, ...]) -> list[Path]:
    """Files that importing the dotted name runs: the module and the packages above it."""
    if not parts or parts[0] != "lib":
        return []
    target = SCRIPTS.joinpath(*parts)
    packages = [SCRIPTS.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)]
    return [path for path in [target.with_suffix(".py"), *packages] if path.is_file()]


def environment() -> dict[str, object]:
    """Library versions, threads and processor: what may change the last bit of a number."""
    return {
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "threads": int(os.environ.get("OMP_NUM_THREADS", "0").split(",")[0]) or os.cpu_count(),
        "processor": platform.machine(),
    }


def version(distribution: str) -> str | None:
    """The installed version of a distribution; None when there is none."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def git_revision() -> str | None:
    """The commit of the scripts, with `+changes` when the tree differs from it; None outside git."""

    def git(*args: str) -> str:
        return subprocess.run(
            ["git", "-C", str(SCRIPTS), *args], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        dirty = git("status", "--porcelain", "--untracked-files=no", "--", str(SCRIPTS))
        return git("rev-parse", "HEAD") + ("+changes" if dirty else "")
    except (OSError, subprocess.CalledProcessError):
        return None
