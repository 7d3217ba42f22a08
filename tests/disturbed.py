"""Trainings that crash tests kill: the same command over and over, in one folder."""

import json
import re
import signal
from pathlib import Path
from typing import ClassVar

from in_process import places

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
        argv = [str(SCRIPTS / self.script), *self.flags, *places(self.folder, self.places), *flags]
        order = self.killer.order(argv=argv, log=str(self.log), watch=str(self.folder), kill=kill)
        return self.killer.order(wait=order["pid"])["code"]

    @property
    def operations(self) -> int:
        """File operations of the last run, which must have come to its end."""
        return json.loads(re.findall(r"^events (.*)$", self.log.read_text(), re.MULTILINE)[0])["file"]

    @property
    def resumed(self) -> list[str]:
        """The steps at which the last run says that it went on."""
        return re.findall(r"resumed at step (\d+)$", self.log.read_text(), re.MULTILINE)

    def outputs(self) -> dict[str, bytes]:
        """Every file but the lock: of a run that ended, no state and nothing temporary may be among them."""
        files = (path for path in self.folder.rglob("*") if path.is_file() and path.name != "lock")
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in files}

    def killed(self, whole: "Training", share: float) -> "Training":
        """Row 21: dies at a share of the file operations of `whole`, half-writes nothing, runs again, ends like it."""
        number = max(1, round(share * whole.operations))
        assert self.run(kill=("file", number, signal.SIGKILL)) == -signal.SIGKILL
        left, expected = self.outputs(), whole.outputs()
        assert all(left[name] == expected[name] for name in left.keys() & expected.keys()), f"operation {number}"
        assert self.run() == 0, self.log.read_text()
        assert self.outputs() == expected, f"killed at operation {number} of {whole.operations}"
        return self

    def stopped(self, whole: "Training", share: float) -> None:
        """Row 22: told to stop, it saves, says so, leaves no output, and the same command goes on from there."""
        assert self.run(kill=("file", round(share * whole.operations), signal.SIGTERM)) == 75
        log = self.log.read_text()
        said = rf"^{re.escape(self.script)}: \w+: stopped by SIGTERM after step (\d+), state saved$"
        steps = re.findall(said, log, re.MULTILINE)
        assert len(steps) == 1 and "Traceback" not in log, log
        assert not self.outputs().keys() & whole.outputs().keys()
        assert self.run() == 0
        assert self.resumed == steps
        assert self.outputs() == whole.outputs()
