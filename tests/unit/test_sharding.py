"""lib.sharding: an index by many jobs is the index in one piece, and shards of something else are refused."""

import json
from itertools import pairwise

import faiss
import numpy as np
import pytest
from in_process import run

from lib import files, index, sharding, vectors
from lib.errors import BadInput
from lib.index import LISTS, Index

RNG = np.random.default_rng(1)
CENTRES = RNG.normal(size=(20, 16))
XB = (CENTRES[RNG.integers(20, size=3000)] + 0.3 * RNG.normal(size=(3000, 16))).astype(np.float32)
XB[2000:2010] = XB[:10]  # equal scores, in different shards
XQ = (CENTRES[RNG.integers(20, size=50)] + 0.3 * RNG.normal(size=(50, 16))).astype(np.float32)
IDS = [f"row {number}" for number in range(len(XB))]
CUTS = (0, 700, 701, 2500, 3000)  # shards of unlike sizes, one of a single row
FACTORY = "IVF8,SQfp16"
KINDS = ["IVF8,Flat", FACTORY, "IVF8_HNSW8,SQ8", "PCAR12,IVF8,Flat", "IVF8,PQ4x4"]


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """`whole` and `shard-1` to `shard-4`: the same vectors."""
    folder = tmp_path_factory.mktemp("sharding")
    vectors.save(folder / "whole", XB, IDS, {"model_sha256": "abc"})
    for number, (start, end) in enumerate(pairwise(CUTS), start=1):
        about = {"kind": "shard", "model_sha256": "abc", "shard": number, "shards": 4}
        vectors.save(folder / f"shard-{number}", XB[start:end], IDS[start:end], about)
    return folder


def shards(places):
    return [places / f"shard-{number}" for number in (1, 2, 3, 4)]


def gathered(places, out, factory=FACTORY, metric="cosine"):
    """The index by one job after the other; its folder."""
    sharding.train(shards(places), factory, metric, out / "trained")
    for number, shard in enumerate(shards(places), start=1):
        sharding.fill(out / "trained", shard, number, out / f"filled-{number}")
    sharding.merge(out / "trained", filled(out), out / "index")
    return out / "index"


def filled(out):
    return [out / f"filled-{number}" for number in (1, 2, 3, 4)]


@pytest.fixture(scope="module")
def made(places, tmp_path_factory):
    """A folder with `trained`, `filled-1` to `filled-4` and `index`, which tests must leave as they found it."""
    out = tmp_path_factory.mktemp("made")
    gathered(places, out)
    return out


@pytest.mark.parametrize("metric", ["cosine", "l2"])
@pytest.mark.parametrize("factory", KINDS)
def test_it_finds_what_the_index_in_one_piece_finds(places, tmp_path, factory, metric):
    index.build(places / "whole", factory, metric, tmp_path / "one")
    one, many = Index(tmp_path / "one", 3), Index(gathered(places, tmp_path, factory, metric), 3)
    (scores, rows), (expected_scores, expected_rows) = many.search(XQ, 20), one.search(XQ, 20)
    np.testing.assert_array_equal(rows, expected_rows)
    # A rotation of blocks of other sizes may differ in the last bit.
    np.testing.assert_allclose(scores, expected_scores, rtol=1e-6 if "," in factory.partition("IVF")[0] else 0)
    assert many.ids == one.ids == IDS
    assert {key: value for key, value in many.manifest.items() if key != "files"} == {
        key: value for key, value in one.manifest.items() if key != "files"
    }


@pytest.mark.parametrize("sample", [100, 999, 1500])
def test_it_learns_from_the_same_rows(places, tmp_path, monkeypatch, sample):
    monkeypatch.setattr(index, "TRAINED_ON", sample)
    index.build(places / "whole", FACTORY, "l2", tmp_path / "one")
    sharding.train(shards(places), FACTORY, "l2", tmp_path / "trained", sample)
    np.testing.assert_array_equal(centres(tmp_path / "trained"), centres(tmp_path / "one"))


def centres(folder) -> np.ndarray:
    found = Index(folder).index
    return faiss.downcast_index(found.quantizer).reconstruct_n(0, found.nlist)


def test_the_same_shards_are_the_same_bytes(places, made, tmp_path):
    assert files.sha256(gathered(places, tmp_path)) == files.sha256(made / "index")


def test_an_index_can_be_moved(made, tmp_path):
    moved = (made / "index").rename(tmp_path / "elsewhere")
    try:
        _, rows = Index(moved, 8).search(XQ, 5)
    finally:
        moved.rename(made / "index")
    np.testing.assert_array_equal(rows, Index(made / "index", 8).search(XQ, 5)[1])


def test_the_scripts_do_the_same(places, made, tmp_path):
    run(
        "train_faiss_index.py",
        *shards(places),
        "--factory",
        FACTORY,
        "--metric",
        "cosine",
        "--out",
        tmp_path / "trained",
    )
    for number, shard in enumerate(shards(places), start=1):
        names = ["--trained", tmp_path / "trained", "--vectors", shard, "--out", tmp_path / f"filled-{number}"]
        run("fill_faiss_index.py", *names, "--shard", number)
    run("merge_faiss_index.py", *filled(tmp_path), "--trained", tmp_path / "trained", "--out", tmp_path / "index")
    assert files.sha256(tmp_path / "index") == files.sha256(made / "index")


# Faults


@pytest.mark.parametrize("factory", ["Flat", "IVF8,SQ8,RFlat", "HNSW8", "IVF8,PQ4+4"])
def test_a_kind_without_lists_of_its_own_is_refused(places, tmp_path, factory):
    with pytest.raises(BadInput, match="has no inverted lists to merge, expected IVF without re-ranking"):
        sharding.train(shards(places), factory, "l2", tmp_path / "trained")
    assert not (tmp_path / "trained").exists()


def test_row_18_fewer_rows_than_lists(places, tmp_path):
    with pytest.raises(BadInput, match=r"no IVF4000,Flat index can be built over 3000 vectors \("):
        sharding.train(shards(places), "IVF4000,Flat", "l2", tmp_path / "trained")


def test_row_2_a_flipped_bit_in_the_lists(made):
    lists = made / "index" / LISTS
    whole = lists.read_bytes()
    lists.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        with pytest.raises(BadInput, match=rf"{LISTS}: sha256 differs from the manifest"):
            Index(made / "index")
    finally:
        lists.write_bytes(whole)


def test_row_8_shards_that_do_not_belong_together(places, made, tmp_path):
    other = tmp_path / "other"
    vectors.save(other, XB[:5], IDS[:5], {"model_sha256": "xyz"})
    with pytest.raises(BadInput, match=r"other: model_sha256 xyz, but abc in .*shard-1$"):
        sharding.train([*shards(places), other], FACTORY, "l2", tmp_path / "trained")
    with pytest.raises(BadInput, match=r"shard-1: 700 vectors, expected shard 2 of .*trained, whose shards have"):
        sharding.fill(made / "trained", shards(places)[0], 2, tmp_path / "filled")
    with pytest.raises(BadInput, match=r"filled-2: shard 2, expected shard 1 filled from .*trained$"):
        sharding.merge(made / "trained", filled(made)[1:], tmp_path / "index")
    with pytest.raises(BadInput, match=r"trained: 3 shards given, expected 4$"):
        sharding.merge(made / "trained", filled(made)[:3], tmp_path / "index")
    sharding.train(shards(places), FACTORY, "l2", tmp_path / "trained")
    with pytest.raises(BadInput, match=r"filled-1: shard 1, expected shard 1 filled from .*trained$"):
        sharding.merge(tmp_path / "trained", filled(made), tmp_path / "index")
    assert not (tmp_path / "index").exists()


def test_row_9_an_id_in_two_shards(places, tmp_path):
    vectors.save(tmp_path / "again", XB[:5], IDS[:5], {"model_sha256": "abc"})
    given = [places / "shard-1", tmp_path / "again"]
    sharding.train(given, FACTORY, "l2", tmp_path / "trained")
    for number, shard in enumerate(given, start=1):
        sharding.fill(tmp_path / "trained", shard, number, tmp_path / str(number))
    with pytest.raises(BadInput, match=r"index: id 'row 0' stands twice$"):
        sharding.merge(tmp_path / "trained", [tmp_path / "1", tmp_path / "2"], tmp_path / "index")


def test_row_4_lists_of_another_length_than_the_ids(made, tmp_path):
    manifest = json.loads((made / "index" / "manifest.json").read_text())
    (tmp_path / "index").mkdir()
    for name in (*index.FILES, LISTS):
        (tmp_path / "index" / name).write_bytes((made / "index" / name).read_bytes())
    files.write_text(tmp_path / "index" / "ids.txt", "one\n")
    about = {key: value for key, value in manifest.items() if key != "files"}
    vectors.write_manifest(tmp_path / "index", (*index.FILES, LISTS), about)
    with pytest.raises(BadInput, match=r"index holds 3000, ids 1, manifest 3000$"):
        Index(tmp_path / "index")
