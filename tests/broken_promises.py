"""Break each promise once, in a copy of the tree, and see which test falls: python tests/broken_promises.py

An edit is one line of source changed to what somebody might write by mistake. The tests that should notice are
named with it; they pass on the copy as it stands, and one of them must fall when the line is broken. Prints a
Markdown table (docs/promises.md) and exits 1 when a promise was broken and nobody noticed. With words as
arguments, only promises that hold one of them.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from promises import PROMISES, Promise

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("Snakefile", "rules", "scripts", "config", "envs", "profiles", "tests", "docs", "README.md", "pyproject.toml")


def main() -> int:
    wanted = [one for one in PROMISES if not sys.argv[1:] or any(word in one.says for word in sys.argv[1:])]
    with tempfile.TemporaryDirectory() as temporary:
        tree = Path(temporary)
        for part in PARTS:
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, tree / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / part, tree / part)
        selected = sorted({path for one in wanted for path in one.tests.split()})
        if fallen := first_to_fall(tree, selected):
            print(f"{fallen} falls before anything is broken", file=sys.stderr)
            return 1
        print("| promise | broken in | test that falls |\n|---|---|---|")
        unnoticed = [one for one in wanted if not noticed(tree, one)]
    for one in unnoticed:
        print(f"nobody noticed: {one.says}", file=sys.stderr)
    return int(bool(unnoticed))


def noticed(tree: Path, one: Promise) -> bool:
    """Break the promise, print the line of the table, mend it."""
    path = tree / one.file
    source = path.read_text()
    assert source.count(one.kept) == 1, f"{one.says}: {one.file} has {source.count(one.kept)} times {one.kept!r}"
    path.write_text(source.replace(one.kept, one.broken))
    fallen = first_to_fall(tree, one.tests.split())
    path.write_text(source)
    shown = re.sub(r"\[.*", "", fallen or "none").replace("::", "` `")
    print(f"| {one.says} | `{one.file}` | `{shown}` |", flush=True)
    return bool(fallen)


def first_to_fall(tree: Path, tests: list[str]) -> str | None:
    """The first test that fails or cannot be collected; None when all pass."""
    command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, cwd=tree, env=os.environ, capture_output=True, text=True)
    fallen = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    assert done.returncode in (0, 1, 2) and (done.returncode == 0) == (fallen is None), done.stdout + done.stderr
    return fallen[1] if fallen else None


if __name__ == "__main__":
    sys.exit(main())
