"""lib.tuning and tuned indexes: the fewest probes that reach a recall, and the same ones again when loaded."""

import json

import faiss
import numpy as np
import pytest
from in_process import run

from lib import files, index, tuning, vectors
from lib.errors import BadInput
from lib.index import Index
from lib.tuning import Tuning

RNG = np.random.default_rng(1)
CENTRES = RNG.normal(size=(24, 16))
XB = (CENTRES[RNG.integers(24, size=2400)] + 0.3 * RNG.normal(size=(2400, 16))).astype(np.float32)
XQ = (CENTRES[RNG.integers(24, size=60)] + 0.3 * RNG.normal(size=(60, 16))).astype(np.float32)
HOW = Tuning(nlist=(8, 32), k=20, target_recall=0.95)
OPEN = "IVF{nlist},Flat"
KINDS = [OPEN, "IVF{nlist},SQfp16", "IVF{nlist},SQ8,RFlat", "IVF{nlist}_HNSW8,SQfp16", "PCAR12,IVF{nlist},Flat,RFlat"]


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tuning")
    for name, matrix in (("points", XB), ("queries", XQ)):
        vectors.save(folder / name, matrix, [f"{name} {row}" for row in range(len(matrix))], {"model_sha256": "abc"})
    return folder


def built(places, out, factory: str = OPEN, metric: str = "inner_product", how: Tuning = HOW) -> Index:
    tuning.build(places / "points", places / "queries", factory, metric, how, out)
    return Index(out)


def brute(xq: np.ndarray, xb: np.ndarray, k: int) -> np.ndarray:
    return np.argsort(-(xq @ xb.T), axis=1, kind="stable")[:, :k]


def shared(found: np.ndarray, truth: np.ndarray) -> float:
    """Recall of rows, where no two scores are equal."""
    return np.mean([len(np.intersect1d(one, other)) / len(other) for one, other in zip(found, truth)])


@pytest.mark.parametrize("metric", ["inner_product", "cosine"])
@pytest.mark.parametrize("block", [64, 700, 4000])
def test_exact_search_in_blocks_is_brute_force(monkeypatch, block, metric):
    monkeypatch.setattr(vectors, "BLOCK", block)
    xb = XB / np.linalg.norm(XB, axis=1, keepdims=True) if metric == "cosine" else XB
    scores, rows = tuning.exact(XB, XQ, 20, metric), brute(XQ, xb, 20)
    np.testing.assert_allclose(scores, np.take_along_axis(XQ @ xb.T, rows, axis=1), rtol=1e-5)
    np.testing.assert_allclose(tuning.products(XB, XQ, rows, metric), scores, rtol=1e-5)


def test_any_of_equal_neighbours_is_found():
    twins = np.repeat(XB[:60], 3, axis=0)  # each row three times: 20 neighbours cut through the last three
    nearest, rows = tuning.exact(twins, XQ, 20), brute(XQ, twins, 20)
    others = np.array([[row + 2 if row % 3 == 0 else row - 1 for row in own] for own in rows])  # another one of each
    assert shared(others, rows) < 0.98
    assert tuning.recall(tuning.products(twins, XQ, others), nearest) == 1


def test_a_place_that_an_index_leaves_empty_is_a_miss():
    nearest, rows = tuning.exact(XB, XQ, 20), brute(XQ, XB, 20)
    rows[:, 15:] = -1
    found = tuning.products(XB, XQ, rows)
    assert (found[:, 15:] == -np.inf).all()
    assert tuning.recall(found, nearest) == 0.75


@pytest.mark.parametrize("factory", KINDS)
@pytest.mark.parametrize("metric", ["inner_product", "cosine"])
def test_every_kind_reaches_its_recall_and_says_so(places, tmp_path, factory, metric):
    made = built(places, tmp_path / "index", factory, metric)
    unit = XB / np.linalg.norm(XB, axis=1, keepdims=True) if metric == "cosine" else XB
    _, rows = made.search(XQ, HOW.k)
    reached = shared(rows, brute(XQ, unit, HOW.k))
    assert made.manifest["recall"] == pytest.approx(reached)
    assert made.manifest["recall"] >= HOW.target_recall
    assert made.manifest["nlist"] == index.lists(made.index)
    assert f"IVF{made.manifest['nlist']}" in made.manifest["factory"]


def test_fewer_probes_would_miss_the_recall(places, tmp_path):
    known = built(places, tmp_path / "index").manifest
    assert known["nprobe"] > 1
    _, rows = Index(tmp_path / "index", known["nprobe"] - 1).search(XQ, HOW.k)
    assert shared(rows, brute(XQ, XB, HOW.k)) < HOW.target_recall


def test_work_is_what_a_query_is_compared_with(places, tmp_path):
    made = built(places, tmp_path / "index")
    ivf = faiss.extract_index_ivf(made.index)
    _, probed = ivf.quantizer.search(XQ, made.manifest["nprobe"])
    sizes = np.array([ivf.invlists.list_size(number) for number in range(ivf.nlist)])
    assert made.manifest["work"] == pytest.approx(ivf.nlist + sizes[probed].sum(axis=1).mean())


def test_the_least_work_wins(places, tmp_path):
    works = {n: built(places, tmp_path / str(n), how=Tuning((n,), 20, 0.95)).manifest["work"] for n in (8, 32)}
    assert built(places, tmp_path / "both").manifest["work"] == min(works.values())


def test_the_same_vectors_are_the_same_bytes(places, tmp_path):
    for name in ("one", "two"):
        built(places, tmp_path / name)
    assert files.sha256(tmp_path / "one") == files.sha256(tmp_path / "two")


def test_a_loaded_index_probes_what_its_manifest_says(places, tmp_path):
    known = built(places, tmp_path / "index").manifest
    assert faiss.extract_index_ivf(Index(tmp_path / "index").index).nprobe == known["nprobe"]
    assert faiss.extract_index_ivf(Index(tmp_path / "index", 3).index).nprobe == 3


def test_an_index_is_the_same_whether_its_rows_are_added_at_once_or_in_blocks(places, tmp_path, monkeypatch):
    index.build(places / "points", "IVF8,Flat", "l2", tmp_path / "one")
    monkeypatch.setattr(vectors, "BLOCK", 500)
    index.build(places / "points", "IVF8,Flat", "l2", tmp_path / "two")
    assert files.sha256(tmp_path / "one") == files.sha256(tmp_path / "two")


def test_the_script_tunes_or_builds(places, tmp_path):
    points = ["build_faiss_index.py", "--vectors", places / "points", "--out", tmp_path / "index"]
    run(*points, "--queries", places / "queries", "--factory", OPEN, "--nlist", "[8, 32]", "--k", 20)
    assert Index(tmp_path / "index").manifest["target_recall"] == 0.99
    run(*points, "--queries", places / "queries", "--factory", "Flat")
    assert Index(tmp_path / "index").manifest["nlist"] is None
    with pytest.raises(BadInput, match="expected --queries to choose the number of lists by"):
        run(*points, "--factory", OPEN)
    with pytest.raises(BadInput, match="device cuda: none here"):
        run(*points, "--device", "cuda")


def test_row_18_more_neighbours_lists_or_probes_than_there_are(places, tmp_path):
    with pytest.raises(BadInput, match="2401 neighbours asked for, there are 2400 vectors"):
        built(places, tmp_path / "index", how=Tuning((8,), 2401))
    with pytest.raises(BadInput, match=r"no IVF3000,Flat index can be built over 2400 vectors \("):
        built(places, tmp_path / "index", how=Tuning((3000,)))
    built(places, tmp_path / "index")
    with pytest.raises(BadInput, match=r"index: nprobe 33, but the index has (8|32) lists$"):
        Index(tmp_path / "index", 33)
    index.build(places / "points", "Flat", "l2", tmp_path / "flat")
    with pytest.raises(BadInput, match=r"flat: nprobe 4, but the index has no lists$"):
        Index(tmp_path / "flat", 4)


def test_row_7_queries_of_another_width(places, tmp_path):
    vectors.save(tmp_path / "narrow", XQ[:, :8], [str(row) for row in range(60)], {})
    with pytest.raises(BadInput, match=r"narrow: queries are 8 wide, the vectors 16$"):
        tuning.build(places / "points", tmp_path / "narrow", OPEN, "inner_product", HOW, tmp_path / "index")


def test_row_8_a_manifest_of_another_index(places, tmp_path):
    built(places, tmp_path / "index")
    manifest = json.loads((tmp_path / "index" / "manifest.json").read_text())
    files.write_json(tmp_path / "index" / "manifest.json", {**manifest, "nlist": 9})
    with pytest.raises(BadInput, match=r"index: the index has (8|32) lists, manifest 9$"):
        Index(tmp_path / "index")


def test_a_recall_that_is_not_reached_is_no_index(places, tmp_path):
    with pytest.raises(BadInput, match=r"IVF\{nlist\},PQ2x4 with \[8, 32\] lists never reaches recall 0.95"):
        built(places, tmp_path / "index", "IVF{nlist},PQ2x4")
    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize("metric", ["l2", "lorentz"])
def test_a_metric_that_is_not_tuned(places, tmp_path, metric):
    with pytest.raises(BadInput, match=f"metric {metric}: expected inner_product or cosine"):
        built(places, tmp_path / "index", metric=metric)
