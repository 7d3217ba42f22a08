"""Where an unfinished run waits: a folder of its own, locked, filed under what the run is made of.

State is never a declared output, because Snakemake deletes the outputs of a failed job.
"""

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import parallel
from .cli import log
from .errors import BadInput, CannotWrite
from .files import read_text, sha256
from .provenance import code_hash, environment

OUTPUTS = {"out", "memory", "history", "epochs_out", "smoke_out"}
UNIMPORTANT = OUTPUTS | {"state", "save_seconds", "tensorboard"}


@dataclass(frozen=True)
class StateFolder:
    """`path` is the state file of this identity; it need not exist."""

    name: str
    path: Path


@contextlib.contextmanager
def state_folder(root: Path, name: str, identity: str) -> Iterator[StateFolder]:
    """Hold `root/name` for one run; on success the state goes and only the lock file stays.

    Of processes that train together the one that leads holds it. BadInput names the process when another run holds
    the folder. A state of another identity is left alone until this run succeeds, and said.
    """
    home = Path(root) / name
    folder = StateFolder(name, home / f"{identity[:16]}.safetensors")
    if not parallel.leads():
        yield folder
        return
    with locked(home / "lock"):
        states = list(home.glob("*.safetensors"))
        if states and not any(path.name.startswith(identity[:16]) for path in states):
            log(f"{name}: a state of another run is here; settings, inputs, code or versions differ: starting anew")
        yield folder
        for path in home.iterdir():
            if path.name != "lock":
                path.unlink()


@contextlib.contextmanager
def locked(path: Path | str) -> Iterator[None]:
    """Hold `path` as an exclusive lock; BadInput names the process that holds it already.

    The kernel drops the lock when its holder dies, also by SIGKILL, so a stale file never blocks.
    """
    path = Path(path)
    with contextlib.ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            stream = stack.enter_context(open(path, "ab+", buffering=0))
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            stream.truncate(0)
            stream.write(str(os.getpid()).encode())
        except BlockingIOError:
            holder = read_text(path).strip() or "unknown"
            raise BadInput(f"{path.parent}: in use by another run (process {holder})") from None
        except OSError as error:
            raise CannotWrite(f"{path}: cannot write: {error.strerror or error}") from error
        yield


def identity(script: str, arguments: dict[str, Any]) -> str:
    """Hash of what decides a run's bytes: its code, flags, input files' content, libraries, threads and processes.

    Existing paths count by content, also in lists; arguments in UNIMPORTANT not at all.
    """
    values = {key: _content(value) for key, value in arguments.items() if key not in UNIMPORTANT}
    described = json.dumps([code_hash(script), values, environment(), parallel.world()], sort_keys=True)
    return hashlib.sha256(described.encode()).hexdigest()


def _content(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_content(item) for item in value]
    return sha256(value) if isinstance(value, Path) and value.exists() else repr(value)
