"""Reading strictly, and writing all or nothing."""

import contextlib
import csv
import dataclasses
import hashlib
import io
import json
import math
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .errors import BadInput, CannotWrite

CHUNK = 1 << 20


def sha256(path: Path | str) -> str:
    """Hex digest of a file's bytes, or of a folder's relative names and bytes."""
    path = Path(path)
    if not path.exists():
        raise BadInput(f"{path}: no such file")
    digest = hashlib.sha256()
    if path.is_dir():
        for file in sorted(p for p in path.rglob("*") if p.is_file()):
            digest.update(f"{file.relative_to(path).as_posix()}\0{sha256(file)}\n".encode())
        return digest.hexdigest()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def as_tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of a JSON object for a dataclass, whose sequences are tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def check_keys(stored: Any, keys: Sequence[str], where: str) -> None:
    """BadInput names the first of `keys` that `stored`, as JSON has it, lacks: all of them when it is no object."""
    for key in keys:
        if not isinstance(stored, dict) or key not in stored:
            raise BadInput(f"{where}: missing {key}, expected an object with {', '.join(keys)}")


def as_dataclass(kind: Any, stored: Any, where: str) -> Any:
    """The dataclass that a JSON object describes; BadInput names the first key that is missing or unknown."""
    if not isinstance(stored, dict):
        raise BadInput(f"{where}: {type(stored).__name__}, expected an object")
    required = {field.name: field.default is dataclasses.MISSING for field in dataclasses.fields(kind)}
    wrong = [f"missing {name}" for name, needed in required.items() if needed and name not in stored]
    wrong += [f"unknown key {name!r}" for name in stored if name not in required]
    if wrong:
        raise BadInput(f"{where}: {wrong[0]}, expected {', '.join(required)}")
    return kind(**as_tuples(stored))


def read_text(path: Path | str) -> str:
    """The file as UTF-8 text; BadInput names the first byte that is not."""
    try:
        return decoded(Path(path).read_bytes(), str(path))
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}") from None


def decoded(content: bytes, where: str) -> str:
    """As read_text, of bytes; `where` begins an error's message."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"{where}: not UTF-8 at byte {error.start}") from None


def read_json(path: Path | str) -> Any:
    """JSON as the standard has it: NaN, infinities and duplicate keys are errors, not values."""
    return parse_json(read_text(path), str(path))


def parse_json(text: str, where: str) -> Any:
    """As read_json, of a text; `where` begins an error's message."""

    def finite(number: str) -> float:
        if not math.isfinite(float(number)):
            raise BadInput(f"{where}: {number} is not JSON, expected a finite number or null")
        return float(number)

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        for key, value in pairs:
            if key in seen:
                raise BadInput(f"{where}: key {key!r} stands twice in one object")
            seen[key] = value
        return seen

    try:
        return json.loads(text, parse_constant=finite, parse_float=finite, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise BadInput(f"{where}: line {error.lineno} column {error.colno}: {error.msg}") from None


@contextlib.contextmanager
def writing(path: Path | str) -> Iterator[Path]:
    """A temporary path beside `path` that becomes `path`, durably, if the block succeeds.

    The block may make a file or a folder there. At every instant `path` is absent, the old
    content or the new content. Raises CannotWrite when the system refuses.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    retired = path.with_name(f".{path.name}.{os.getpid()}.tmp.old")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        yield temporary
        for file in [temporary, *temporary.rglob("*")] if temporary.is_dir() else [temporary]:
            _fsync(file)
        if temporary.is_dir() and path.is_dir():
            os.replace(path, retired)
        os.replace(temporary, path)
        _fsync(path.parent)
    except OSError as error:
        if isinstance(error, CannotWrite):
            raise
        raise CannotWrite(f"{path}: cannot write: {error.strerror or error}") from error
    finally:
        if retired.exists() and not path.exists():  # refused or stopped between the two renames
            os.replace(retired, path)
        _remove(temporary)
        _remove(retired)


def write_bytes(path: Path | str, content: bytes) -> None:
    """Write atomically and durably, as `writing` does; CannotWrite when the system refuses."""
    with writing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path | str, content: str) -> None:
    """As write_bytes, of UTF-8."""
    write_bytes(path, content.encode("utf-8"))


def write_json(path: Path | str, value: Any) -> None:
    """Canonical JSON: sorted keys, no NaN, a newline at the end, so that equal values are equal bytes."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n")


def write_csv(path: Path | str, header: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """As write_text, of a header and rows; lines end in LF."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    write_text(path, text.getvalue())


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sweep(path: Path) -> None:
    """Remove what killed writers of `path` left behind: their process is gone, or its number is ours now."""
    pattern = re.compile(rf"\.{re.escape(path.name)}\.(\d+)\.tmp(\.old)?")
    for file in path.parent.iterdir():
        match = pattern.fullmatch(file.name)
        if match and (int(match[1]) == os.getpid() or not Path(f"/proc/{match[1]}").exists()):
            _remove(file)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()
