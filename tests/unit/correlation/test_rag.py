"""Retrieval: the seed's calls, brute force, and no way for a pair to find what tells its own correlation."""

import numpy as np
import pytest
import tiny_contracts
from refusals import refused

from lib.correlation import dataset, rag
from lib.correlation.titles import pair_keys, pair_vectors
from lib.errors import BadInput


class Titles:
    """A vector for each title, drawn from its words; no encoder."""

    def __call__(self, titles):
        return np.stack([np.random.default_rng(list(title.encode())).standard_normal(16) for title in titles])


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return dataset.load(tiny_contracts.write(tmp_path_factory.mktemp("correlation") / "data"))


@pytest.fixture(scope="module")
def built(pairs, tmp_path_factory):
    made = rag.SemanticRAG(tmp_path_factory.mktemp("correlation") / "rag")
    made.titles = Titles()
    known = rag.metadata(pairs, pairs.rows("train"))
    made.build_index(made.embed([row["a_title"] for row in known], [row["b_title"] for row in known]), known)
    return made


@pytest.fixture
def loaded(built):
    built.save()
    again = rag.SemanticRAG(built.folder).load()
    again.titles = Titles()
    return again


def test_the_seed_s_calls_find_the_nearest_by_l2(built, loaded):
    query = np.random.default_rng(1).standard_normal(16).astype(np.float32)
    distances = np.linalg.norm(built.embeddings - query, axis=1)
    nearest = np.argsort(distances)[:5]
    for each in (built, loaded):
        found, told = each.search(query, k=5)
        assert [row["id"] for row in found] == [built.metadata[row]["id"] for row in nearest]
        np.testing.assert_allclose(told, distances[nearest], rtol=1e-5)
        assert [row["correlation"] for row in found] == [built.metadata[row]["correlation"] for row in nearest]


def test_the_same_pairs_give_the_same_bytes(built, tmp_path):
    files = {}
    for name in ("a", "b"):
        again = rag.SemanticRAG(tmp_path / name)
        again.build_index(built.embeddings, built.metadata)
        again.save()
        files[name] = {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*") if path.is_file()}
    assert files["a"] == files["b"]


# Leaks


def test_a_training_pair_never_finds_itself_a_shared_contract_or_a_shared_event(built, pairs):
    rows = pairs.rows("train")
    found = built.neighbours(**asked(pairs, rows), k=10)
    assert all(len(known) == 10 for known in found)
    for row, known in zip(rows, found):
        events = {pairs.a_events[row], pairs.b_events[row]}
        for other in known:
            assert pairs.ids[row] != other["id"]
            assert not {pairs.a[row], pairs.b[row]} & {other["a"], other["b"]}
            assert not events & {other["a_event"], other["b_event"]}


def test_what_is_left_is_the_nearest_by_brute_force(built, pairs):
    rows = pairs.rows("train")[:20]
    queries = built.embed(*titles(pairs, rows))
    for row, query, known in zip(rows, queries, built.neighbours(**asked(pairs, rows), k=4)):
        events = {pairs.a_events[row], pairs.b_events[row]}
        allowed = [n for n, one in enumerate(built.metadata) if not events & {one["a_event"], one["b_event"]}]
        distances = np.linalg.norm(built.embeddings[allowed] - query, axis=1)
        nearest = np.argsort(distances, kind="stable")[:4]
        np.testing.assert_allclose([one["distance"] for one in known], distances[nearest], rtol=1e-4)


def test_a_title_alone_is_known_too_whatever_its_case_and_order(built, pairs):
    row = int(pairs.rows("train")[0])
    shuffled = " ".join(reversed(pairs.a_titles[row].upper().split()))
    (found,) = built.neighbours([shuffled], ["Will it rain in Rome?"], k=10)
    assert found and all(pairs.a[row] not in (one["a"], one["b"]) for one in found)


def test_fewer_come_back_where_no_more_are_left(pairs):
    small = rag.SemanticRAG("small")
    small.titles = Titles()
    rows = pairs.rows("train")[:3]  # all of one contract
    known = rag.metadata(pairs, rows)
    small.build_index(small.embed(*titles(pairs, rows)), known)
    assert small.neighbours(**asked(pairs, rows[:1]), k=2) == [[]]


def test_the_order_of_the_titles_does_not_matter(built, pairs):
    a, b = titles(pairs, pairs.rows("test"))
    assert built.neighbours(a, b, k=3) == built.neighbours(b, a, k=3)
    left, right = Titles()(a), Titles()(b)
    assert np.array_equal(pair_vectors(left, right), pair_vectors(right, left))
    assert np.array_equal(pair_keys(left, right), pair_keys(right, left))


def test_row_10_an_index_that_holds_pairs_that_judge(built, pairs):
    rag.refuse_leaks(built, pairs, "test", disjoint=True)
    leaky = rag.SemanticRAG("leaky")
    known = rag.metadata(pairs, np.arange(len(pairs)))
    leaky.build_index(np.ones((len(known), 4), dtype=np.float32), known)
    held = [pairs.ids[row] for row in pairs.rows("test")]
    said = f"leaky: {len(held)} pairs of the index are in test, the first is {held[0]!r}"
    assert refused(rag.refuse_leaks, leaky, pairs, "test", disjoint=True) == said


def test_retrieval_by_lot_obeys_the_same_rules(built, pairs):
    rows = pairs.rows("train")
    drawn = rag.Drawn(built, seed=1)
    found = drawn.neighbours(**asked(pairs, rows), k=5)
    for row, known in zip(rows, found):
        told = {one[side] for one in known for side in rag.EVENTS}
        assert not {pairs.a_events[row], pairs.b_events[row]} & told
    near = built.neighbours(**asked(pairs, rows), k=5)
    assert np.mean([one["distance"] for known in found for one in known]) > 1.1 * np.mean(
        [one["distance"] for known in near for one in known]
    )
    assert found == rag.Drawn(built, seed=1).neighbours(**asked(pairs, rows), k=5)


# Faults


def test_rows_2_5_7_9_13_18_what_no_index_is_built_of_or_asked(built, loaded):
    rows = [dict(row) for row in built.metadata[:3]]
    new = rag.SemanticRAG("new")
    with pytest.raises(BadInput, match="row 1 is not finite"):
        new.build_index(np.array([[1.0], [np.nan], [2.0]], dtype=np.float32), rows)
    with pytest.raises(BadInput, match="stands twice"):
        new.build_index(np.ones((2, 4), dtype=np.float32), [rows[0], rows[0]])
    with pytest.raises(BadInput, match="row 0: missing correlation, expected id, a, b"):
        new.build_index(np.ones((1, 4), dtype=np.float32), [{k: v for k, v in rows[0].items() if k != "correlation"}])
    with pytest.raises(BadInput, match="queries are 8 wide, the index 16"):
        loaded.search(np.ones(8, dtype=np.float32), 1)
    with pytest.raises(BadInput, match="1000 neighbours asked for, the index holds"):
        loaded.search(np.ones(16, dtype=np.float32), 1000)


@pytest.mark.parametrize("name", ["pairs.json", "index/index.faiss", "vectors/vectors.npy"])
def test_row_2_a_flipped_bit(loaded, name):
    path = loaded.folder / name
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(BadInput, match="sha256 differs from the manifest"):
        rag.SemanticRAG(loaded.folder).load()


def titles(pairs, rows):
    return [pairs.a_titles[row] for row in rows], [pairs.b_titles[row] for row in rows]


def asked(pairs, rows):
    a_titles, b_titles = titles(pairs, rows)
    ids = {f"{side}_ids": [column[row] for row in rows] for side, column in (("a", pairs.a), ("b", pairs.b))}
    return {"a_titles": a_titles, "b_titles": b_titles, **ids}
