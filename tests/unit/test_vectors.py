"""lib.vectors: a matrix and the ids of its rows, and every way in which they may not belong together."""

import json

import numpy as np
import pytest
from refusals import flipped, refused

from lib import files, vectors
from lib.errors import BadInput

IDS = [f"11{number}" for number in range(6)]
MATRIX = np.random.default_rng(1).normal(size=(6, 4))


@pytest.fixture
def folder(tmp_path):
    vectors.save(tmp_path / "points", MATRIX, IDS, {"kind": "test", "model_sha256": "abc"})
    return tmp_path / "points"


def test_what_was_saved_comes_back(folder):
    matrix, ids, manifest = vectors.load(folder)
    np.testing.assert_array_equal(matrix, MATRIX)
    assert (ids, matrix.dtype) == (IDS, MATRIX.dtype)
    assert isinstance(matrix, np.memmap)
    assert (manifest["n"], manifest["dim"], manifest["kind"], manifest["model_sha256"]) == (6, 4, "test", "abc")


def test_the_same_vectors_are_the_same_bytes(folder, tmp_path):
    vectors.save(tmp_path / "again", MATRIX, IDS, {"model_sha256": "abc", "kind": "test"})
    assert files.sha256(tmp_path / "again") == files.sha256(folder)


def test_row_2_every_flipped_bit(folder):
    for name in vectors.FILES:
        said = f"{folder / name}: sha256 differs from the manifest, the file is damaged or replaced"
        for place in flipped(folder / name):
            assert refused(vectors.load, folder) == said, f"byte {place}"
    vectors.load(folder)


@pytest.mark.parametrize("name", vectors.FILES)
def test_a_missing_file(folder, name):
    (folder / name).unlink()
    assert refused(vectors.load, folder) == f"{folder / name}: no such file"


@pytest.mark.parametrize("manifest", [{}, [], {"files": {}}, {"files": ["ids.txt"]}, {"files": {"ids.txt": "abc"}}])
def test_a_manifest_that_vouches_for_nothing(folder, manifest):
    """Else whoever leaves out a hash could replace the file."""
    files.write_json(folder / "manifest.json", manifest)
    said = refused(vectors.load, folder)
    assert said == f"{folder / 'manifest.json'}: says nothing of vectors.npy, expected its sha256"


def rewrite(folder, name: str, content: bytes) -> None:
    """Replace a file and its hash, as a broken writer would."""
    (folder / name).write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = files.sha256(folder / name)
    files.write_json(folder / "manifest.json", manifest)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01\x00", b"garbage", b"PK\x03\x04"])
def test_rows_1_and_20_no_array(folder, content):
    rewrite(folder, "vectors.npy", content)
    assert refused(vectors.load, folder).startswith(f"{folder / 'vectors.npy'}: not a plain array (")


def test_row_20_an_array_of_objects(folder):
    np.save(folder / "objects.npy", np.array([{"a": 1}] * 6), allow_pickle=True)
    rewrite(folder, "vectors.npy", (folder / "objects.npy").read_bytes())
    assert refused(vectors.load, folder).startswith(f"{folder / 'vectors.npy'}: not a plain array (")


def test_row_8_vectors_and_ids_of_different_length(folder):
    rewrite(folder, "ids.txt", b"110\n111\n")
    assert refused(vectors.load, folder) == f"{folder}: 6 vectors but 2 ids"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_row_5_a_row_that_is_not_finite(tmp_path, value):
    matrix = MATRIX.copy()
    matrix[3, 1] = matrix[5, 0] = value
    with pytest.raises(BadInput, match=r"points: row 3 is not finite$"):
        vectors.save(tmp_path / "points", matrix, IDS, {})
    assert list(tmp_path.iterdir()) == []


def test_row_9_an_id_twice(tmp_path):
    with pytest.raises(BadInput, match=r"points: id '111' stands twice$"):
        vectors.save(tmp_path / "points", MATRIX, [*IDS[:-1], "111"], {})


@pytest.mark.parametrize("name", ["", "11\n12", "11\r", "11\u2028"])
def test_an_id_that_would_not_come_back(tmp_path, name):
    with pytest.raises(BadInput, match=r"is not one line of text$"):
        vectors.save(tmp_path / "points", MATRIX, [*IDS[:-1], name], {})


def test_row_6_a_row_without_length():
    matrix = MATRIX.copy()
    matrix[4] = 0
    with pytest.raises(BadInput, match=r"^queries: row 4 has length 0$"):
        vectors.normalised(matrix, "queries")


def test_normalised_rows_have_length_1_and_their_direction():
    unit = vectors.normalised(MATRIX, "queries")
    np.testing.assert_allclose((unit * unit).sum(axis=1), 1)
    np.testing.assert_allclose(unit * np.sqrt((MATRIX**2).sum(axis=1))[:, None], MATRIX)
