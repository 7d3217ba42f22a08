"""lib.mamba.windows, alignment and legacy: questions that are in the payload, bit by bit, or not asked at all."""

import numpy as np
import pytest
import refusals
from in_process import run
from tiny_articles import DIM

from lib import files
from lib.errors import BadInput
from lib.mamba import alignment, dataset, legacy, payload, windows
from lib.mamba.ranking import Bench


@pytest.fixture
def stored(given, tmp_path):
    """The arrays of a file of windows, and a way to write them back changed."""
    targets = windows.draw(given, "test", 20, 1)
    windows.write(tmp_path / "w.npz", given, targets, {"split": "test"})
    with np.load(tmp_path / "w.npz") as archive:
        arrays = dict(archive)

    def refused(**changes: np.ndarray | None) -> str:
        changed = {name: array for name, array in (arrays | changes).items() if array is not None}
        np.savez(tmp_path / "w.npz", **changed)
        return refusals.refused(windows.read, tmp_path / "w.npz", given).removeprefix(f"{tmp_path / 'w.npz'}: ")

    refused.arrays, refused.path, refused.targets = arrays, tmp_path / "w.npz", targets
    return refused


def test_questions_have_a_whole_context_and_are_of_their_split(given):
    for split in dataset.SPLITS:
        rows = windows.draw(given, split, 10_000, 1)
        expected = [row for document in given.documents(split) for row in list(document)[5:]]
        assert rows.tolist() == expected
    fewer = windows.draw(given, "test", 7, 1)
    assert len(set(fewer)) == 7
    assert not np.array_equal(fewer, windows.draw(given, "test", 7, 2))


def test_windows_are_the_arrays_of_the_original(given, stored):
    arrays, targets = stored.arrays, stored.targets
    assert arrays["context_sequences"].shape == (20, 5, DIM)
    for at, target in enumerate(targets):
        np.testing.assert_array_equal(arrays["context_sequences"][at], given.vectors[target - 5 : target])
        np.testing.assert_array_equal(arrays["target_vectors"][at], given.vectors[target])
        assert arrays["truth_keys"][at].tolist() == [given.articles[target], given.positions[target]]
    np.testing.assert_array_equal(windows.read(stored.path, given), targets)


def test_the_same_windows_are_the_same_bytes(given, tmp_path):
    for name in ("one.npz", "two.npz"):
        windows.write(tmp_path / name, given, windows.draw(given, "test", 20, 1), {"b": 1, "a": 2})
    assert files.sha256(tmp_path / "one.npz") == files.sha256(tmp_path / "two.npz")


def test_fault_targets_looked_up_by_renumbered_keys_are_refused_not_scored(given, stored):
    """Keys shifted by one article: every target is found in the payload, and none is the right one."""
    ids = [given.ids[target - 9] for target in stored.targets]
    said = stored(target_ids=np.array(ids))
    assert said.startswith("target_vectors of 20 of 20 windows differ from their payload rows, first window 0, target")


def test_the_original_files_have_keys_instead_of_ids(tmp_path):
    """{article}#{chunk}, the ids that import_payload.py gives."""
    entries = {
        f"x{article}-{chunk}": (f"text {article} {chunk}", {"article_index": article, "chunk_index": chunk}, vector)
        for article, chunk, vector in unit_vectors(articles=30, chunks=7)
    }
    np.save(tmp_path / "payload.npy", np.array(entries), allow_pickle=True)
    run("import_payload.py", "--payload", tmp_path / "payload.npy", "--out", tmp_path / "payload")
    given = payload.load(tmp_path / "payload")
    targets = windows.draw(given, "train", 12, 1)
    windows.write(tmp_path / "w.npz", given, targets, {})
    with np.load(tmp_path / "w.npz") as archive:
        arrays = {name: archive[name] for name in windows.ARRAYS}
    numbers = [int(given.names[article]) for article in given.articles[targets]]
    arrays["truth_keys"] = np.stack([numbers, given.positions[targets]], axis=1)
    np.savez(tmp_path / "w.npz", **arrays)
    np.testing.assert_array_equal(windows.read(tmp_path / "w.npz", given), targets)


def test_row_8_windows_of_other_vectors(given, stored):
    changed = stored.arrays["context_sequences"].copy()
    changed[3, 2, 1] = np.nextafter(changed[3, 2, 1], 2)
    said = stored(context_sequences=changed)
    assert said == (
        "context_sequences of 1 of 20 windows differ from their payload rows, first window 3, "
        f"target {given.ids[stored.targets[3]]!r}"
    )


def test_rows_7_8_and_13_files_of_another_shape(given, stored):
    arrays = stored.arrays
    assert stored(truth_keys=None) == "missing truth_keys, expected context_sequences, target_vectors, truth_keys"
    assert stored(target_vectors=arrays["target_vectors"][:-1]).startswith(
        "context_sequences is (20, 5, 16), expected (19,"
    )
    narrow = {name: arrays[name][..., :8] for name in ("context_sequences", "target_vectors")}
    assert stored(**narrow) == "windows are 8 wide, the payload 16"
    ids = np.array(["nowhere#5", *arrays["target_ids"][1:]])
    assert stored(target_ids=ids) == f"1 of 20 targets are not in {given.folder}, first 'nowhere#5'"
    early = np.array([given.ids[stored.targets[0] - 3], *arrays["target_ids"][1:]])
    assert "has no 5 before it" in stored(target_ids=early)
    assert stored(**{name: array[:0] for name, array in arrays.items() if array.ndim}) == "no windows"


def test_rows_1_and_20_a_file_cut_short_or_of_objects(given, stored):
    content = stored.path.read_bytes()
    for part in (content[:-40], content[: len(content) // 2], b"", b"garbage"):
        stored.path.write_bytes(part)
        with pytest.raises(BadInput, match=r"w\.npz: damaged, cut short or no plain \.npz"):
            windows.read(stored.path, given)
    objects = np.array([{"a": 1}] * 20)
    np.savez(stored.path, **{**stored.arrays, "truth_keys": objects}, allow_pickle=True)
    with pytest.raises(BadInput, match=r"w\.npz: damaged, cut short or no plain \.npz"):
        windows.read(stored.path, given)


def test_every_target_retrieves_itself(given):
    pool = np.flatnonzero(given.splits == "test")
    alignment.refuse_unfindable(Bench(given, windows.draw(given, "test", 50, 1), pool))
    elsewhere = windows.draw(given, "train", 3, 1)
    with pytest.raises(BadInput, match=f"3 of 3 targets do not retrieve themselves, first {given.ids[elsewhere[0]]!r}"):
        alignment.refuse_unfindable(Bench(given, elsewhere, pool))


# The pickled dict


def unit_vectors(articles: int, chunks: int):
    rng = np.random.default_rng(1)
    for article in range(articles):
        for chunk in range(chunks):
            vector = rng.normal(size=8).astype(np.float32)
            yield article, chunk, vector / np.linalg.norm(vector)


def pickled(path, entries: object, protocol: int | None = None) -> None:
    """A .npy as numpy writes an object array; other protocols as its older versions did."""
    import pickle

    array = np.array(entries, dtype=object)
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": "|O", "fortran_order": False, "shape": array.shape})
        pickle.dump(array, stream, protocol=protocol or 4)


ABOUT = {"article_index": 1, "chunk_index": 2, "cpe_id": "c"}
VECTOR = np.arange(4, dtype=np.float32)


@pytest.mark.parametrize("protocol", [3, 4])
def test_a_payload_of_the_original_is_read(tmp_path, protocol):
    many = {
        f"id {number}": (f"text {number}", {**ABOUT, "chunk_index": number}, VECTOR + number) for number in range(2500)
    }
    many[7] = (
        "by numpy",
        {**ABOUT, "article_index": np.int64(70_000), "chunk_index": np.uint8(3)},
        VECTOR.astype(">f4"),
    )
    pickled(tmp_path / "p.npy", many, protocol)
    found = list(legacy.read(tmp_path / "p.npy"))
    assert [entry.id for entry in found] == [*(f"id {number}" for number in range(2500)), "7"]
    assert [entry.chunk for entry in found[:2500]] == list(range(2500))
    assert found[-1][:4] == ("7", "by numpy", 70_000, 3)
    for number, entry in enumerate(found[:2500]):
        np.testing.assert_array_equal(entry.vector, VECTOR + number)
    np.testing.assert_array_equal(found[-1].vector, VECTOR)


class Bomb:
    def __init__(self, path) -> None:
        self.path = path

    def __reduce__(self):
        import os

        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", [3, 4])
def test_row_20_a_payload_that_would_run_something_is_refused_and_nothing_ran(tmp_path, protocol):
    for value in (
        Bomb(tmp_path / "bang"),
        ("text", Bomb(tmp_path / "bang"), VECTOR),
        ("text", ABOUT, Bomb(tmp_path / "b")),
    ):
        pickled(tmp_path / "p.npy", {"id": value}, protocol)
        with pytest.raises(
            BadInput, match=r"p\.npy: a call of (os|posix|nt)\.mkdir at byte \d+ of its pickle, expected"
        ):
            list(legacy.read(tmp_path / "p.npy"))
    assert [path.name for path in tmp_path.iterdir()] == ["p.npy"]


@pytest.mark.parametrize(
    "entries",
    [
        {"id": ("text", ABOUT)},
        {"id": ("text", {}, VECTOR)},
        {"id": ("text", ABOUT, VECTOR.astype(np.float64))},
        {"id": ("text", ABOUT, np.array([{}]))},
        {"id": (7, ABOUT, VECTOR)},
        {"id": ("text", {**ABOUT, "chunk_index": "2"}, VECTOR)},
        {"id": {"text"}},
        {"id": 1.5},
    ],
)
def test_row_13_a_dict_of_something_else(tmp_path, entries):
    pickled(tmp_path / "p.npy", entries)
    with pytest.raises(BadInput, match=r"p\.npy: ") as error:
        list(legacy.read(tmp_path / "p.npy"))
    assert "\n" not in str(error.value)


def test_row_1_a_payload_cut_short_anywhere(tmp_path):
    pickled(tmp_path / "p.npy", {f"id {number}": ("text", ABOUT, VECTOR) for number in range(3)})
    content = (tmp_path / "p.npy").read_bytes()
    for length in range(0, len(content), 7):
        (tmp_path / "p.npy").write_bytes(content[:length])
        with pytest.raises(BadInput, match=r"p\.npy: "):
            list(legacy.read(tmp_path / "p.npy"))


def test_an_imported_payload_with_a_missing_chunk_is_refused(tmp_path):
    entries = {str(at): ("text", {**ABOUT, "chunk_index": at}, VECTOR / np.linalg.norm(VECTOR)) for at in (0, 1, 3)}
    pickled(tmp_path / "p.npy", entries)
    with pytest.raises(BadInput, match="'1#3': position 3, expected each article's chunks together, numbered from 0"):
        run("import_payload.py", "--payload", tmp_path / "p.npy", "--out", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["p.npy"]
