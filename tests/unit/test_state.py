"""lib.state: whose state a file is, and who may touch it."""

import os
import resource
from pathlib import Path

import pytest

from lib import provenance, state
from lib.errors import BadInput, CannotWrite

SCRIPT = "gate.py"


@pytest.fixture
def arguments(tmp_path):
    for name in ("data.json", "one.json", "two.json"):
        (tmp_path / name).write_text(name)
    paths = [tmp_path / "one.json", tmp_path / "two.json"]
    return {"data": tmp_path / "data.json", "more": paths, "seed": 1, "learning_rate": 1e-4, "out": tmp_path / "out"}


def test_the_same_run_has_the_same_identity_wherever_its_files_lie(arguments, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    moved = {**arguments, "data": arguments["data"].rename(tmp_path / "elsewhere" / "x.json")}
    (tmp_path / "data.json").write_text("data.json")
    assert state.identity(SCRIPT, moved) == state.identity(SCRIPT, arguments)


@pytest.mark.parametrize("key", sorted(state.UNIMPORTANT))
def test_where_it_writes_and_how_often_it_saves_do_not_count(arguments, key):
    assert state.identity(SCRIPT, {**arguments, key: "other"}) == state.identity(SCRIPT, arguments)


def test_another_flag_is_another_run(arguments):
    first = state.identity(SCRIPT, arguments)
    assert state.identity(SCRIPT, {**arguments, "seed": 2}) != first
    assert state.identity(SCRIPT, {**arguments, "seed": "1"}) != first
    assert state.identity(SCRIPT, {**arguments, "more": arguments["more"][::-1]}) != first


@pytest.mark.parametrize("name", ["data.json", "two.json"])
def test_another_input_is_another_run(arguments, tmp_path, name):
    first = state.identity(SCRIPT, arguments)
    (tmp_path / name).write_text("changed")
    assert state.identity(SCRIPT, arguments) != first


def test_another_script_is_another_run(arguments):
    assert state.identity("verdict.py", arguments) != state.identity(SCRIPT, arguments)


def test_row_25_another_library_is_another_run(arguments, monkeypatch):
    first = state.identity(SCRIPT, arguments)
    monkeypatch.setattr(provenance, "version", lambda name: "9.9" if name == "torch" else "1.0")
    assert state.identity(SCRIPT, arguments) != first


def test_another_thread_count_is_another_run(arguments, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    first = state.identity(SCRIPT, arguments)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert state.identity(SCRIPT, arguments) != first


def test_on_success_only_the_lock_stays(tmp_path):
    with state.state_folder(tmp_path, "stage1", "a" * 64) as folder:
        folder.path.touch()
        (folder.path.parent / f".{folder.path.name}.1.tmp").touch()
        (folder.path.parent / "bbbb.safetensors").touch()
    assert [path.name for path in (tmp_path / "stage1").iterdir()] == ["lock"]


def test_on_failure_every_state_stays(tmp_path):
    with pytest.raises(RuntimeError), state.state_folder(tmp_path, "stage1", "a" * 64) as folder:
        folder.path.touch()
        (folder.path.parent / "bbbb.safetensors").touch()
        raise RuntimeError
    assert folder.path.exists()
    assert (folder.path.parent / "bbbb.safetensors").exists()


def test_row_25_a_state_of_another_run_is_said(tmp_path, capsys):
    (tmp_path / "stage1").mkdir()
    (tmp_path / "stage1" / "bbbb.safetensors").touch()
    with state.state_folder(tmp_path, "stage1", "a" * 64) as folder:
        assert not folder.path.exists()
    assert capsys.readouterr().err == (
        "stage1: a state of another run is here; settings, inputs, code or versions differ: starting anew\n"
    )


def test_two_names_do_not_meet(tmp_path):
    with state.state_folder(tmp_path, "stage1", "a" * 64), state.state_folder(tmp_path, "stage2", "a" * 64):
        pass


def test_row_24_a_folder_in_use_is_refused(tmp_path):
    with (
        state.state_folder(tmp_path, "stage1", "a" * 64),
        pytest.raises(BadInput, match=r"stage1: in use by another run \(process \d+\)"),
        state.state_folder(tmp_path, "stage1", "b" * 64),
    ):
        pass


def test_row_23_a_file_where_the_folder_should_be(tmp_path):
    (tmp_path / "state").touch()
    with pytest.raises(CannotWrite), state.state_folder(Path(tmp_path / "state"), "stage1", "a" * 64):
        pass


# The lock


def test_the_lock_keeps_others_out_and_names_its_holder(tmp_path, run_python):
    take = "import sys; from lib import state\nwith state.locked(sys.argv[1]): pass"
    with state.locked(tmp_path / "state" / "lock"):
        second = run_python(take, tmp_path / "state" / "lock")
    assert f"state: in use by another run (process {os.getpid()})" in second.stderr
    assert run_python(take, tmp_path / "state" / "lock").returncode == 0


def test_a_lock_file_that_nobody_holds_does_not_block(tmp_path):
    (tmp_path / "lock").write_text("1")
    with state.locked(tmp_path / "lock"):
        assert (tmp_path / "lock").read_text() == str(os.getpid())


def test_a_lock_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CannotWrite, match="cannot write: "), state.locked(tmp_path / "file" / "lock"):
        pass
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        with pytest.raises(CannotWrite, match="File too large"), state.locked(tmp_path / "lock"):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
