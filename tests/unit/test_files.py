"""lib.files: strict reading, all-or-nothing writing."""

import csv
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusals import refused

from lib import files
from lib.errors import BadInput, CannotWrite

FINITE = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FINITE | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture
def dead() -> int:
    """The number of a process that is gone."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def left_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


# Dataclasses


@dataclass
class Sizes:
    width: int
    levels: tuple[int, ...] = ()


def test_a_dataclass_comes_back_from_json():
    assert files.as_dataclass(Sizes, {"width": 3, "levels": [1, 2]}, "x") == Sizes(3, (1, 2))
    assert files.as_dataclass(Sizes, {"width": 3}, "x") == Sizes(3)


@pytest.mark.parametrize(("stored", "said"), [({}, "missing width"), ({"width": 3, "depth": 1}, "unknown key 'depth'")])
def test_row_13_an_object_that_is_not_the_dataclass(stored, said):
    told = refused(files.as_dataclass, Sizes, stored, "x.ckpt: shape")
    assert told == f"x.ckpt: shape: {said}, expected width, levels"
    assert refused(files.as_dataclass, Sizes, [3], "x.ckpt: shape") == "x.ckpt: shape: list, expected an object"


@pytest.mark.parametrize("stored", [{"width": 3}, [3], None])
def test_row_13_an_object_without_a_key_that_is_needed(stored):
    told = refused(files.check_keys, stored, ("levels", "width"), "x.json")
    assert told == "x.json: missing levels, expected an object with levels, width"


# Hashes


def test_a_files_digest_is_that_of_its_bytes(tmp_path):
    content = os.urandom(files.CHUNK + 17)
    (tmp_path / "a").write_bytes(content)
    assert files.sha256(tmp_path / "a") == hashlib.sha256(content).hexdigest()


def test_a_folders_digest_sees_names_and_bytes_and_not_the_order_in_which_they_are_listed(tmp_path, monkeypatch):
    def folder(name: str, contents: dict[str, str]) -> str:
        for path, text in contents.items():
            file = tmp_path / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return files.sha256(tmp_path / name)

    digest = folder("one", {"a": "1", "b/c": "2"})
    listed = Path.rglob
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rglob", lambda self, pattern: reversed(list(listed(self, pattern))))
        assert folder("two", {"b/c": "2", "a": "1"}) == digest
    assert folder("content", {"a": "1", "b/c": "3"}) != digest
    assert folder("renamed", {"a": "1", "b/d": "2"}) != digest
    assert folder("swapped", {"a": "2", "b/c": "1"}) != digest


def test_no_digest_of_what_is_not_there(tmp_path):
    with pytest.raises(BadInput, match="nothing: no such file"):
        files.sha256(tmp_path / "nothing")


# Reading and writing JSON and CSV


@given(JSON)
def test_json_comes_back_as_it_went(tmp_path_factory, value):
    path = tmp_path_factory.getbasetemp() / "value.json"
    files.write_json(path, value)
    assert files.read_json(path) == value
    assert json.loads(path.read_text()) == value


def test_equal_values_are_equal_bytes(tmp_path):
    files.write_json(tmp_path / "a.json", {"x": 1, "y": [1.5, None]})
    files.write_json(tmp_path / "b.json", {"y": [1.5, None], "x": 1})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_nan_is_not_written(tmp_path):
    with pytest.raises(ValueError):
        files.write_json(tmp_path / "a.json", {"x": float("nan")})
    assert left_in(tmp_path) == []


@given(st.lists(st.lists(TEXT.filter(lambda text: "\r" not in text), min_size=2, max_size=2), max_size=5))
def test_csv_comes_back_whatever_its_commas_and_quotes(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "table.csv"
    files.write_csv(path, ["code", "title"], rows)
    with path.open(newline="", encoding="utf-8") as stream:
        assert list(csv.reader(stream)) == [["code", "title"], *rows]


def test_csv_keeps_every_digit_of_a_number(tmp_path):
    files.write_csv(tmp_path / "a.csv", ["x"], [[0.1 + 0.2]])
    assert (tmp_path / "a.csv").read_text() == "x\n0.30000000000000004\n"


# Writing all or nothing


def test_a_failed_block_leaves_the_old_content(tmp_path):
    path = tmp_path / "a"
    files.write_text(path, "old")
    with pytest.raises(RuntimeError), files.writing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert left_in(tmp_path) == ["a"]


def test_a_folder_replaces_a_folder_whole(tmp_path):
    for name in ("old", "new"):
        with files.writing(tmp_path / "model") as temporary:
            temporary.mkdir()
            (temporary / name).write_text(name)
    assert left_in(tmp_path) == ["model", "model/new"]


def test_the_old_folder_comes_back_when_the_new_one_cannot_take_its_place(tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old").touch()
    replace = os.replace

    def refuse(source, target):
        if str(source).endswith(".tmp"):
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(CannotWrite, match="No space left"), files.writing(tmp_path / "model") as temporary:
        temporary.mkdir()
    assert left_in(tmp_path) == ["model", "model/old"]


def test_content_is_on_the_disk_before_its_name_is(tmp_path, monkeypatch):
    done = []
    fsync, replace = os.fsync, os.replace

    def record_fsync(descriptor):
        done.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    def record_replace(source, target):
        done.append(f"rename to {Path(target).name}")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(os, "replace", record_replace)
    files.write_text(tmp_path / "a", "x")
    assert done == [f".a.{os.getpid()}.tmp", "rename to a", tmp_path.name]


def test_what_killed_writers_left_is_swept(tmp_path, dead):
    (tmp_path / f".a[1].{dead}.tmp").write_text("half")
    (tmp_path / f".a[1].{dead}.tmp.old").mkdir()
    (tmp_path / f".a[1].{os.getpid()}.tmp").mkdir()  # a killed writer that had our number
    files.write_text(tmp_path / "a[1]", "whole")
    assert left_in(tmp_path) == ["a[1]"]


def test_what_belongs_to_others_is_not_swept(tmp_path, dead):
    others = [f".a.{os.getppid()}.tmp", f".a.b.{dead}.tmp", f".a.{dead}.tmp.x", ".a.json.tmp", f"a.{dead}.tmp"]
    for name in others:
        (tmp_path / name).touch()
    files.write_text(tmp_path / "a", "x")
    assert left_in(tmp_path) == sorted(["a", *others])


@pytest.mark.parametrize("place", ["file/below", "file/below/deeper", "folder"])
def test_where_nothing_can_be_written(tmp_path, place):
    (tmp_path / "file").write_text("old")
    (tmp_path / "folder").mkdir()
    with pytest.raises(CannotWrite, match=f"{place}: cannot write: "):
        files.write_text(tmp_path / place, "x")
    assert left_in(tmp_path) == ["file", "folder"]
