"""Scripts run in the process of the tests."""

import runpy
import sys

from lib.provenance import SCRIPTS


def run(name: str, *arguments: object) -> None:
    """A script in this process: its own lines, without the seconds that its imports take."""
    argv, sys.argv = sys.argv, [name, *map(str, arguments)]
    try:
        runpy.run_path(str(SCRIPTS / name), run_name="script")["main"]()
    finally:
        sys.argv = argv
