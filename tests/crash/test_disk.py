"""Row 23: the disk is full, read-only, or the path taken: exit 74, the old state intact, nothing left over."""

import signal
import subprocess

import pytest


def assert_refused(end, *words):
    assert end.code == 74, end.log
    assert "Traceback" not in end.log
    (said,) = end.said
    assert all(word in said for word in ("cannot write", *words)), said


@pytest.fixture
def disk(small_disk, bench_in):
    """A bench on the small disk, its run stopped after two steps with a state."""
    bench = bench_in(small_disk / "work")
    assert bench.run(kill=["step", 2, signal.SIGTERM]).code == 75
    return bench


def test_row_23_a_full_disk(disk, expected):
    (state,) = disk.states()
    before = state.read_bytes()
    filler = disk.folder / "filler"
    with pytest.raises(OSError, match="No space left"), filler.open("wb", buffering=0) as stream:
        while True:
            stream.write(bytes(1024))
    assert_refused(disk.run(), "No space left on device")
    assert state.read_bytes() == before
    assert disk.temporaries() == []
    filler.unlink()
    again = disk.run()
    assert "tiny: resumed at step 2\n" in again.log
    assert disk.outputs() == expected


def test_row_23_a_read_only_disk(disk, expected):
    (state,) = disk.states()
    before = state.read_bytes()
    subprocess.run(["mount", "-o", "remount,ro", str(disk.folder.parent)], check=True)
    end = disk.run()
    subprocess.run(["mount", "-o", "remount,rw", str(disk.folder.parent)], check=True)
    assert_refused(end, "Read-only file system")
    assert state.read_bytes() == before
    assert disk.temporaries() == []
    assert disk.run().code == 0
    assert disk.outputs() == expected


@pytest.mark.parametrize("limit", [4_000, 9_000])
def test_row_23_a_write_that_fails_in_the_middle(bench, expected, limit):
    """Needs no rights: the first save, or a later and larger one, ends at `limit` bytes."""
    end = bench.run(limit=limit)
    assert_refused(end, "File too large")
    assert bench.temporaries() == []
    assert bench.run().code == 0
    assert bench.outputs() == expected


@pytest.mark.parametrize("taken", ["state", "state/tiny", "out"])
def test_row_23_a_path_that_is_a_file(bench, expected, taken):
    (bench.folder / taken).parent.mkdir(exist_ok=True)
    (bench.folder / taken).write_text("mine")
    assert_refused(bench.run(), taken)
    assert (bench.folder / taken).read_text() == "mine"
    assert bench.temporaries() == []
    (bench.folder / taken).unlink()
    assert bench.run().code == 0
    assert bench.outputs() == expected


def test_row_23_a_file_that_is_a_folder(bench):
    (bench.folder / "out" / "model.ckpt").mkdir(parents=True)
    assert_refused(bench.run(), "model.ckpt", "Is a directory")
    assert len(bench.states()) == 1, "the state of the finished training waits for the next try"
