"""lib.index: FAISS answers like brute force, and what does not belong together is refused."""

import json
import struct

import faiss
import geoopt
import numpy as np
import pytest
import torch
from refusals import flipped, refused
from sklearn.metrics.pairwise import cosine_similarity

from lib import files, index, vectors
from lib.errors import BadInput
from lib.index import Index

RNG = np.random.default_rng(1)
XB = RNG.normal(size=(60, 8))
XQ = RNG.normal(size=(5, 8))
IDS = [f"id {number}" for number in range(len(XB))]


def built(folder, matrix=XB, factory="Flat", metric="inner_product"):
    vectors.save(folder / "points", matrix, IDS[: len(matrix)], {"model_sha256": "abc"})
    index.build(folder / "points", factory, metric, folder / "index")
    return folder / "index"


@pytest.fixture
def folder(tmp_path):
    return built(tmp_path)


# Answers


@pytest.mark.parametrize(
    ("metric", "brute"),
    [
        ("inner_product", XQ @ XB.T),
        ("cosine", cosine_similarity(XQ, XB)),
        ("l2", -np.square(XQ[:, None] - XB).sum(axis=2)),
    ],
)
def test_a_flat_index_is_brute_force(tmp_path, metric, brute):
    scores, rows = Index(built(tmp_path, metric=metric)).search(XQ, 7)
    np.testing.assert_array_equal(rows, np.argsort(-brute, axis=1)[:, :7])
    np.testing.assert_allclose(scores, np.take_along_axis(brute, rows, axis=1), rtol=1e-4, atol=1e-5)


def test_lorentz_neighbours_are_in_the_order_of_geoopts_distances(tmp_path):
    space = geoopt.Lorentz(k=torch.tensor(1.0, dtype=torch.float64))
    points = [space.projx(torch.from_numpy(np.pad(2 * each, ((0, 0), (1, 0))))) for each in (XB, XQ)]
    found = Index(built(tmp_path, points[0].numpy(), metric="lorentz"))
    asked = points[1].numpy().copy()
    scores, rows = found.search(asked, len(XB))
    expected = space.dist(points[1][:, None], points[0][None]).numpy()
    np.testing.assert_array_equal(rows, np.argsort(expected, axis=1))
    np.testing.assert_allclose(np.arccosh(-scores), np.take_along_axis(expected, rows, axis=1), rtol=1e-4)
    np.testing.assert_array_equal(asked, points[1].numpy(), err_msg="the caller's queries were changed")


def test_an_inverted_file_finds_each_vector_itself(tmp_path):
    _, rows = Index(built(tmp_path, factory="IVF4,Flat", metric="l2")).search(XB, 1)
    np.testing.assert_array_equal(rows[:, 0], np.arange(len(XB)))


def test_ids_and_manifest_are_the_vectors_own(folder):
    found = Index(folder)
    assert found.ids == IDS
    assert {key: found.manifest[key] for key in ("n", "dim", "model_sha256", "factory", "metric")} == {
        "n": 60, "dim": 8, "model_sha256": "abc", "factory": "Flat", "metric": "inner_product",
    }  # fmt: skip


# Faults


def test_row_2_a_flipped_bit_anywhere(folder):
    for name in index.FILES:
        said = f"{folder / name}: sha256 differs from the manifest, the file is damaged or replaced"
        for place in flipped(folder / name, step=7):
            assert refused(Index, folder) == said, f"byte {place}"
    Index(folder)


def vouch(folder, **changes: object) -> None:
    """Bring the manifest's hashes up to date, as a broken writer would; `changes` go into the manifest."""
    manifest = json.loads((folder / "manifest.json").read_text()) | changes
    vectors.write_manifest(folder, index.FILES, {key: manifest[key] for key in manifest if key != "files"})


@pytest.mark.parametrize("length", [0, 1, 3, 10, 40, 500])
def test_row_3_a_truncated_index_is_no_index(folder, length):
    file = folder / "index.faiss"
    file.write_bytes(file.read_bytes()[:length])
    vouch(folder)
    assert refused(Index, folder) == f"{file}: not a FAISS index"


def test_row_3_garbage(folder):
    (folder / "index.faiss").write_bytes(RNG.bytes(2000))
    vouch(folder)
    assert refused(Index, folder) == f"{folder / 'index.faiss'}: not a FAISS index"


@pytest.mark.parametrize("factory", ["Flat", "IVF4,Flat"])
def test_row_4_a_header_that_claims_a_billion_vectors(tmp_path, factory):
    folder = built(tmp_path, factory=factory)
    content = bytearray((folder / "index.faiss").read_bytes())
    assert struct.unpack_from("<iq", content, 4) == (8, 60), "fourcc, then d and ntotal"
    struct.pack_into("<q", content, 8, 10**9)
    (folder / "index.faiss").write_bytes(content)
    vouch(folder)
    counts = f"{folder}: index holds 1000000000, ids 60, manifest 60"
    assert refused(Index, folder) in (counts, f"{folder / 'index.faiss'}: not a FAISS index")


def test_row_4_an_inverted_file_of_a_billion_is_one_that_faiss_itself_believes(tmp_path):
    """Else the counts would never be what refuses it."""
    folder = built(tmp_path, factory="IVF4,Flat")
    content = bytearray((folder / "index.faiss").read_bytes())
    struct.pack_into("<q", content, 8, 10**9)
    (folder / "index.faiss").write_bytes(content)
    assert faiss.read_index(str(folder / "index.faiss")).ntotal == 10**9


def test_row_5_not_a_number_never_gets_into_an_index(tmp_path):
    source = built(tmp_path).with_name("points")
    matrix = XB.copy()
    matrix[3, 2] = np.nan
    np.save(source / "vectors.npy", matrix)
    vectors.write_manifest(source, vectors.FILES, {"n": 60, "dim": 8})
    with pytest.raises(BadInput, match=r"points: row 3 is not finite$"):
        index.build(source, "Flat", "l2", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_row_6_vectors_and_queries_without_length_have_no_cosine(tmp_path):
    matrix = XB.copy()
    matrix[7] = 0
    with pytest.raises(BadInput, match=r"points: row 7 has length 0$"):
        built(tmp_path, matrix, metric="cosine")
    with pytest.raises(BadInput, match=r"^queries: row 1 has length 0$"):
        Index(built(tmp_path / "other", metric="cosine")).search(XQ * [[1], [0], [1], [1], [1]], 3)


@pytest.mark.parametrize("dim", [1, 7, 9])
def test_row_7_queries_of_another_width(folder, dim):
    with pytest.raises(BadInput, match=f"index: queries are {dim} wide, the index 8$"):
        Index(folder).search(np.ones((2, dim)), 1)


def test_row_8_an_index_and_ids_of_different_length(folder):
    files.write_text(folder / "ids.txt", "one\ntwo\n")
    vouch(folder)
    assert refused(Index, folder) == f"{folder}: index holds 60, ids 2, manifest 60"


def test_row_8_a_manifest_of_another_length(folder):
    vouch(folder, n=59)
    assert refused(Index, folder) == f"{folder}: index holds 60, ids 60, manifest 59"


def test_row_18_more_neighbours_than_vectors(folder):
    with pytest.raises(BadInput, match=r"index: 61 neighbours asked for, the index holds 60$"):
        Index(folder).search(XQ, 61)


def test_row_18_more_neighbours_than_the_probed_lists_hold(tmp_path):
    """FAISS answers with row -1, which Python takes for the last one."""
    with pytest.raises(BadInput, match=r"index: a query found \d+ of 60 neighbours$"):
        Index(built(tmp_path, factory="IVF4,Flat", metric="l2")).search(XQ, 60)


@pytest.mark.parametrize("factory", ["IVF61,Flat", "PQ4", "Fla", "PQ3"])
def test_row_18_an_index_that_cannot_be_built(tmp_path, factory):
    said = refused(built, tmp_path, factory=factory)
    assert said.startswith(f"{tmp_path / 'points'}: no {factory} index can be built over 60 vectors (")
    assert "/faiss/" not in said
    assert not (tmp_path / "index").exists()
