"""A PostgreSQL of its own for tests: made in a temporary folder, on loopback, with a password, gone afterwards."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

USER, PASSWORD = "sluice", "s3cret-p4ss"


def programs() -> Path | None:
    """The folder of the newest server installed, None where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


@contextmanager
def server() -> Iterator[dict[str, str]]:
    """The PG* variables of a running server; skips where none can run. A server refuses to run as root."""
    programs_folder = programs()
    if programs_folder is None:
        pytest.skip("no PostgreSQL server is installed")
    root = os.geteuid() == 0
    if root and subprocess.run(["id", "postgres"], capture_output=True).returncode:
        pytest.skip("PostgreSQL refuses to run as root and there is no user postgres")
    folder = Path(tempfile.mkdtemp(prefix="pg-"))

    def run(program: str, *arguments: str) -> None:
        command = [str(programs_folder / program), *arguments]
        as_other = ["runuser", "-u", "postgres", "--"] if root else []
        done = subprocess.run([*as_other, *command], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    try:
        secret = folder / "password"
        secret.write_text(PASSWORD)
        if root:
            for path in (folder, secret):
                shutil.chown(path, "postgres")
        data = str(folder / "data")
        run("initdb", "-D", data, "-U", USER, "-A", "scram-sha-256", "--pwfile", str(secret), "-E", "UTF8", "--no-sync")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = str(probe.getsockname()[1])
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
        run("pg_ctl", "-D", data, "-o", options, "-l", str(folder / "log"), "-w", "start")
        try:
            names = ("PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD")
            yield dict(zip(names, ("127.0.0.1", port, "postgres", USER, PASSWORD)))
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
