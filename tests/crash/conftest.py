"""The bench of the crash tests: starts tiny.py through killer.py and looks at what it left."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
SCRIPTS = HERE.parents[1] / "scripts"


@dataclass
class End:
    """How a run ended: exit code or minus the signal, None while it is stopped."""

    code: int | None
    log: str

    @property
    def said(self) -> list[str]:
        """The script's own last words: the lines that cli.run writes."""
        return re.findall(r"^tiny\.py: .*$", self.log, re.MULTILINE)

    def events(self, kind: str) -> int:
        return json.loads(re.findall(r"^events (.*)$", self.log, re.MULTILINE)[0])[kind]


class Killer:
    """The process that runs killer.py, and the orders it takes."""

    def __init__(self) -> None:
        environment = os.environ | {"PYTHONPATH": str(SCRIPTS), "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "killer.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def order(self, **words: object) -> dict:
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Bench:
    """One folder with an input, a state and an output, and runs of tiny.py in it."""

    def __init__(self, killer: Killer, folder: Path, logs: Path) -> None:
        self.killer, self.folder, self.logs = killer, folder, logs
        self.data = logs / "data.json"
        self.data.write_text(json.dumps([[(7 * i + j * j) % 11 / 11 for j in range(9)] for i in range(20)]))

    def start(self, *flags: object, **words: object) -> int:
        """Start a run and return its process number; `words` go to killer.py."""
        paths = ["--data", self.data, "--state", self.folder / "state", "--out", self.folder / "out"]
        argv = [str(word) for word in (HERE / "tiny.py", *paths, *flags)]
        return self.killer.order(argv=argv, log=str(self.logs / "log"), watch=str(self.folder), **words)["pid"]

    def wait(self, pid: int) -> End:
        return End(self.killer.order(wait=pid)["code"], (self.logs / "log").read_text())

    def run(self, *flags: object, **words: object) -> End:
        return self.wait(self.start(*flags, **words))

    def outputs(self) -> dict[str, bytes]:
        return {name: path.read_bytes() for name, path in self.files("out").items()}

    def states(self) -> list[Path]:
        return sorted((self.folder / "state").rglob("*.safetensors"))

    def temporaries(self) -> list[str]:
        return [name for name in self.files(".") if "tmp" in name]

    def files(self, below: str) -> dict[str, Path]:
        root = self.folder / below
        return {path.relative_to(root).as_posix(): path for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.fixture(scope="session")
def killer():
    killer = Killer()
    yield killer
    killer.close()


@pytest.fixture
def bench_in(killer, tmp_path):
    """`bench_in(folder)`: a bench whose state and output lie there, its input and log elsewhere."""

    def make(folder: Path) -> Bench:
        (tmp_path / "bench").mkdir(exist_ok=True)
        folder.mkdir(exist_ok=True)
        return Bench(killer, folder, tmp_path / "bench")

    return make


@pytest.fixture
def bench(bench_in, tmp_path):
    return bench_in(tmp_path / "work")


@pytest.fixture
def fresh(bench_in, tmp_path):
    """`fresh(name)`: a new bench for every call."""
    return lambda name: bench_in(tmp_path / f"work-{name}")


@pytest.fixture
def expected(fresh):
    """Output of a run that nobody disturbs."""
    undisturbed = fresh("undisturbed")
    assert undisturbed.run().code == 0
    return undisturbed.outputs()


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of 64 KiB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if mount.returncode:
        pytest.skip(f"needs the right to mount: {mount.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="module")
def undisturbed(training):
    """What a run of the module's own `training` leaves when nothing happens to it."""
    run = training("undisturbed")
    assert run.run() == 0, run.log.read_text()
    return run
