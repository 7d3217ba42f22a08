"""lib.mamba.payload, encoding and merging: the vector, the text and the place of every chunk, whatever the shards."""

import json

import numpy as np
import polars as pl
import pytest
import tiny_articles
import torch
from in_process import run
from refusals import refused
from tiny_articles import DIM, NAMES, write_data, write_payload
from tiny_naics import write_encoder

from lib import files, vectors
from lib.compute import Compute
from lib.errors import BadInput, Stopped
from lib.mamba import dataset, encoding, payload
from lib.mamba.encoding import Encoding
from lib.state import StateFolder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_payload(tmp_path_factory.mktemp("payload") / "payload")


@pytest.fixture
def copy(tmp_path):
    return write_payload(tmp_path / "payload")


def vouch(folder, **about: object) -> None:
    """Renew the manifest's hashes, as a broken writer would."""
    manifest = json.loads((folder / "manifest.json").read_text())
    vectors.write_manifest(folder, tuple(manifest["files"]), {**manifest, **about})


def test_what_was_written_comes_back(folder):
    given, table = payload.load(folder), tiny_articles.table()
    np.testing.assert_array_equal(given.vectors, tiny_articles.drifting(table))
    assert isinstance(given.vectors, np.memmap)
    assert (given.ids, given.texts, given.names) == (table["id"].to_list(), table["text"].to_list(), NAMES)
    assert [given.names[number] for number in given.articles] == table["article"].to_list()
    assert given.positions.tolist() == table["position"].to_list()
    assert given.splits.tolist() == table["split"].to_list()


def test_documents_are_the_rows_of_each_article_of_a_split(folder):
    given, table = payload.load(folder), tiny_articles.table()
    found = {split: given.documents(split) for split in dataset.SPLITS}
    rows = [row for split in dataset.SPLITS for document in found[split] for row in document]
    assert sorted(rows) == list(range(len(given)))
    for split, documents in found.items():
        for document in documents:
            assert len(set(given.articles[document])) == 1
            assert set(table["split"][document[0] : document[-1] + 1]) == {split}


@pytest.mark.parametrize("name", ["vectors.npy", "ids.txt", "chunks.parquet"])
def test_row_2_a_flipped_bit_in_any_file(copy, name):
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    said = refused(payload.load, copy)
    assert said == f"{copy / name}: sha256 differs from the manifest, the file is damaged or replaced"


def test_row_1_a_table_cut_short(copy):
    (copy / "chunks.parquet").write_bytes((copy / "chunks.parquet").read_bytes()[:-20])
    vouch(copy)
    assert refused(payload.load, copy).startswith(f"{copy / 'chunks.parquet'}: damaged or not Parquet")


def test_row_5_a_vector_that_is_not_finite(copy):
    matrix = np.array(payload.load(copy).vectors)
    matrix[3, 1] = np.nan
    np.save(copy / "vectors.npy", matrix)
    vouch(copy)
    assert refused(payload.load, copy) == f"{copy}: row 3 is not finite"


@pytest.mark.parametrize(("scale", "said"), [(0.0, "0"), (1.01, "1.01"), (0.5, "0.5")])
def test_row_6_a_vector_of_another_length(copy, scale, said):
    matrix = np.array(payload.load(copy).vectors)
    matrix[7] *= scale
    np.save(copy / "vectors.npy", matrix)
    vouch(copy)
    assert refused(payload.load, copy) == f"{copy}: row 7 has length {said}, expected 1"


def test_row_8_texts_of_other_chunks(copy):
    tiny_articles.table()[:-1].write_parquet(copy / "chunks.parquet")
    vouch(copy)
    said = refused(payload.load, copy)
    assert said == f"{copy}: chunks.parquet and ids.txt name different chunks or another order of them"


def test_rows_9_and_13_a_table_with_an_id_twice_or_without_a_column(copy):
    table = tiny_articles.table()
    pl.concat([table[:1], table[:-1]]).write_parquet(copy / "chunks.parquet")
    vouch(copy)
    assert refused(payload.load, copy) == f"{copy / 'chunks.parquet'}: chunk {table['id'][0]!r}: stands twice"
    table.rename({"split": "spilt"}).write_parquet(copy / "chunks.parquet")
    vouch(copy)
    assert refused(payload.load, copy) == f"{copy / 'chunks.parquet'}: missing column 'split', did you mean 'spilt'?"


# Shards


@pytest.mark.parametrize("lengths", [[6] * 7, [1, 30, 1, 1], [9, 1, 1, 1, 1, 1], [3]])
def test_shards_are_whole_articles_and_all_of_them(lengths):
    positions = np.concatenate([np.arange(length) for length in lengths])
    for shards in range(1, len(lengths) + 1):
        rows = [encoding.rows_of_shard(positions, shard, shards) for shard in range(1, shards + 1)]
        assert [own.stop for own in rows] == [*(own.start for own in rows[1:]), len(positions)]
        assert all(own.start < own.stop and positions[own.start] == 0 for own in rows)


def test_shards_are_about_equal():
    positions = np.tile(np.arange(8), 100)
    sizes = [
        np.subtract(own.stop, own.start) for own in (encoding.rows_of_shard(positions, at, 7) for at in range(1, 8))
    ]
    assert max(sizes) - min(sizes) <= 8


@pytest.mark.parametrize(("shard", "shards"), [(1, 4), (4, 3)])
def test_row_18_more_shards_than_articles(shard, shards):
    with pytest.raises(BadInput, match=f"shard {shard} of {shards}: expected 1 to {shards}, at most one for each of 3"):
        encoding.rows_of_shard(np.tile(np.arange(4), 3), shard, shards)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Chunks on disk, a random encoder, and the payload in one shard."""
    place = tmp_path_factory.mktemp("shards")
    write_data(place / "data")
    write_encoder(place / "encoder")
    embed(place, place / "whole", 1, 1)
    run("merge_payload.py", place / "whole", "--data", place / "data", "--out", place / "payload")
    return place


def embed(place, out, shard: int, shards: int, *more: object) -> None:
    how = ["--encoder", place / "encoder", "--max-length", 16, "--shard", shard, "--shards", shards, *more]
    run("embed_articles.py", "--data", place / "data", *how, "--state", out.with_suffix(".state"), "--out", out)


def test_vectors_are_those_of_sentence_transformers(world):
    from sentence_transformers import SentenceTransformer

    given = payload.load(world / "payload")
    peer = SentenceTransformer(str(world / "encoder"), device="cpu")
    peer.max_seq_length = 16
    expected = peer.encode(given.texts, normalize_embeddings=True, show_progress_bar=False)
    np.testing.assert_allclose(given.vectors, expected, atol=1e-6)
    assert given.manifest["max_length"] == 16
    assert given.source["said"] == "the articles of the tests"


def test_shards_put_together_are_the_same_bytes(world, tmp_path):
    for shard in (1, 2, 3):
        embed(world, tmp_path / str(shard), shard, 3)
    run(
        "merge_payload.py", *(tmp_path / str(at) for at in (1, 2, 3)), "--data", world / "data", "--out", tmp_path / "p"
    )
    whole, parts = (np.load(place / "vectors.npy") for place in (world / "payload", tmp_path / "p"))
    np.testing.assert_allclose(parts, whole, atol=1e-6)  # a batch of other texts may sum in another order
    assert files.sha256(tmp_path / "p" / "chunks.parquet") == files.sha256(world / "payload" / "chunks.parquet")
    payload.load(tmp_path / "p")


def test_half_precision_keeps_the_directions(world, tmp_path):
    embed(world, tmp_path / "half", 1, 1, "--dtype", "float16")
    run("merge_payload.py", tmp_path / "half", "--data", world / "data", "--out", tmp_path / "p")
    half = payload.load(tmp_path / "p")
    assert half.vectors.dtype == np.float16
    np.testing.assert_allclose(half.vectors, payload.load(world / "payload").vectors, atol=1e-3)


def test_an_encoder_of_another_kind_runs_as_its_folder_says(world, tmp_path):
    """A dense layer after pooling, as GTR-T5 has one."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense

    base = SentenceTransformer(str(world / "encoder"), device="cpu")
    torch.manual_seed(1)
    projected = SentenceTransformer(modules=[*base, Dense(32, 8, bias=False)], device="cpu")
    projected.max_seq_length = 16
    projected.save(str(tmp_path / "encoder"), create_model_card=False)
    encode, _ = encoding.load(Encoding(str(tmp_path / "encoder"), 16), Compute())
    texts = ["chunk 1 tells of article 1", "more"]
    expected = projected.encode(texts, normalize_embeddings=True)
    assert expected.shape == (2, 8)
    np.testing.assert_allclose(encode(texts), expected, atol=1e-6)


def test_blocks_that_were_saved_are_not_encoded_again(tmp_path):
    state = StateFolder("shard", tmp_path / "abc.safetensors")
    asked: list[str] = []

    def encode(texts):
        asked.extend(texts)
        if "text 9" in texts and len(asked) < 11:
            raise Stopped("stopped by SIGTERM")
        return np.array([[float(text.split()[1])] for text in texts], dtype=np.float32)

    texts = [f"text {number}" for number in range(10)]
    with pytest.raises(Stopped):
        list(encoding.resumed(texts, encode, state, 4))
    assert np.concatenate(list(encoding.resumed(texts, encode, state, 4))).ravel().tolist() == list(range(10))
    assert asked == [*texts, "text 8", "text 9"]


def test_rows_7_and_8_shards_that_do_not_belong_together(world, tmp_path):
    embed(world, tmp_path / "1", 1, 2)
    places = ["--data", world / "data", "--out", tmp_path / "p"]
    with pytest.raises(BadInput, match=r"vectors for 279 chunks of .*: cut short"):
        run("merge_payload.py", tmp_path / "1", *places)
    embed(world, tmp_path / "2", 2, 2, "--max-length", 8)
    with pytest.raises(BadInput, match=r"2: max_length 8, but 16 in .*1$"):
        run("merge_payload.py", tmp_path / "1", tmp_path / "2", *places)
    with pytest.raises(BadInput, match=r"row 0 is 'article 2.*#0', expected 'article 0#0'"):
        run("merge_payload.py", tmp_path / "2", *places)
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"encoder": "nowhere"}, "mamba.payload.encoder: 'nowhere' is no folder and no hub id"),
        ({"dtype": "int8"}, "dtype int8: expected float32 or float16"),
    ],
)
def test_row_25_an_encoder_or_type_that_is_not_there(how, said):
    with pytest.raises(BadInput, match=said):
        encoding.load(Encoding(**how), Compute())


def test_dim_is_as_the_manifest_says(folder):
    assert payload.load(folder).manifest["dim"] == DIM
