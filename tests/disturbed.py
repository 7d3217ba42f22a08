"""Trainings that crash tests kill: the same command over and over, in one folder."""

import json
import re
from pathlib import Path
from typing import ClassVar

from lib.provenance import SCRIPTS


class Training:
    """Runs of `script` that write to `places` (flag: name) in one folder; their input lies elsewhere."""

    script: ClassVar[str]
    places: ClassVar[dict[str, str]]

    def __init__(self, killer, folder: Path, flags: list[str]) -> None:
        self.killer, self.folder, self.log, self.flags = killer, folder, folder.with_name(f"{folder.name}.log"), flags
        folder.mkdir()

    def run(self, *flags: str, kill: tuple = ("none", 0, 0)) -> int:
        """The exit code, or minus the signal; `kill` is for killer.py."""
        writes = [word for flag, name in self.places.items() for word in (flag, str(self.folder / name))]
        argv = [str(SCRIPTS / self.script), *self.flags, *writes, *flags]
        order = self.killer.order(argv=argv, log=str(self.log), watch=str(self.folder), kill=kill)
        return self.killer.order(wait=order["pid"])["code"]

    @property
    def operations(self) -> int:
        """File operations of the last run, which must have come to its end."""
        return json.loads(re.findall(r"^events (.*)$", self.log.read_text(), re.MULTILINE)[0])["file"]
