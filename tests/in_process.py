"""Scripts run in the process of the tests."""

import runpy
import sys
from pathlib import Path

from lib.provenance import SCRIPTS


def places(folder: Path, made: dict[str, str]) -> list[str]:
    """Flags of what a script writes (flag: name), all of it in one folder."""
    return [word for flag, name in made.items() for word in (flag, str(folder / name))]


def run(name: str, *arguments: object) -> None:
    """A script in this process: its own lines, without the seconds that its imports take."""
    argv, sys.argv = sys.argv, [name, *map(str, arguments)]
    try:
        runpy.run_path(str(SCRIPTS / name), run_name="script")["main"]()
    finally:
        sys.argv = argv
