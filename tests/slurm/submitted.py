"""A workflow on the cluster, run in the background: how it ended, what it said, which jobs it had."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from tiny_workflow import ROOT, environment

PATIENCE = 600  # seconds that nothing here needs, also on a loaded machine


class Submitted:
    submitted: float  # seconds from the start until the first job was handed to SLURM
    ended: float

    def __init__(self, folder: Path, *args: str) -> None:
        self.folder, self.started = folder, time.monotonic()
        self.log = folder / "snakemake.log"
        command = [sys.executable, ROOT / "tests/slurm/attentive.py", "--profile", "profiles/slurm", *args]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command, cwd=folder, env=environment(), stdout=log, stderr=log, preexec_fn=_interruptible
            )

    @property
    def said(self) -> str:
        return self.log.read_text()

    def wait_until(self, said: str, path: str = "snakemake.log") -> float:
        """Seconds from the start until a file holds these words, which it must before the run ends."""
        file = self.folder / path
        while not (file.exists() and said in file.read_text()):
            assert self.process.poll() is None and self.seconds < PATIENCE, self.said
            time.sleep(0.1)
        return self.seconds

    def wait(self) -> None:
        self.process.wait(PATIENCE)
        self.ended = self.seconds

    def stop(self) -> None:
        """End it however it stands: it cancels its jobs, or is killed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def jobs(self, rule: str) -> list[dict[str, str]]:
        """State, memory, partition, limit and nodes of each job of a rule, in the order of submission."""
        listed = subprocess.run(
            ["squeue", "--noheader", "--states=all", "--sort=i", "--format=%k|%T|%m|%P|%l|%D|%Z"],
            capture_output=True,
            text=True,
            check=True,
        )
        rows = (line.split("|") for line in listed.stdout.splitlines())
        names = ("state", "memory", "partition", "limit", "nodes", "folder")
        found = [dict(zip(names, row)) for name, *row in rows if name.split("_wildcards")[0] == f"rule_{rule}"]
        return [job for job in found if job["folder"] == str(self.folder)]


def _interruptible() -> None:
    """Also where the tests run in the background, whose children ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
