"""Bad articles, shards, payloads and windows, through the real scripts: one line, exit 2, nothing half-written.

The number in a test's name is its row in the table of faults; the modules' own tests have the other cases.
"""

import json

import pytest
import tiny_articles
from in_process import run
from tiny_articles import write_data, write_payload

from lib import vectors
from lib.errors import BadInput, CannotWrite


def refused(ended) -> str:
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr
    *_, last = ended.stderr.splitlines()
    return last


def test_rows_11_to_13_articles_that_cannot_be_read(run_script, tmp_path):
    lines = [
        json.dumps({"id": number, "title": "t", "paragraphs": ["One two three four five."]}) for number in range(3)
    ]
    (tmp_path / "a.jsonl").write_text("\n".join([*lines, '{"id": 3, "title": "t"}']))
    sizes = ["--min-chunks", 1, "--test-share", 0.3, "--validation-share", 0.3]
    ended = run_script(
        "prepare_articles.py", "--source", "jsonl", "--path", tmp_path / "a.jsonl", *sizes, "--out", tmp_path / "o"
    )
    expected = "missing paragraphs, expected an object with id, title, paragraphs"
    assert refused(ended) == f"prepare_articles.py: {tmp_path / 'a.jsonl'}: record 4: {expected}"
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


def test_row_1_a_shard_that_is_cut_short(run_script, tmp_path):
    data, table = write_data(tmp_path / "data"), tiny_articles.table()
    vectors.save(tmp_path / "shard", tiny_articles.drifting(table), table["id"].to_list(), {"encoder": "none"})
    content = (tmp_path / "shard" / "vectors.npy").read_bytes()
    (tmp_path / "shard" / "vectors.npy").write_bytes(content[:-9])
    merge = ["merge_payload.py", tmp_path / "shard", "--data", data, "--out", tmp_path / "payload"]
    said = f"{tmp_path / 'shard' / 'vectors.npy'}: sha256 differs from the manifest, the file is damaged or replaced"
    assert refused(run_script(*merge)) == f"merge_payload.py: {said}"
    assert not (tmp_path / "payload").exists()
    (tmp_path / "shard" / "vectors.npy").write_bytes(content)
    assert run_script(*merge).returncode == 0


@pytest.mark.parametrize("script", ["export_windows.py", "embed_passages.py", "fit_baselines.py"])
def test_rows_2_and_6_every_reader_of_a_payload_refuses_a_damaged_one(tmp_path, script):
    folder = write_payload(tmp_path / "payload")
    given = tiny_articles.payload.load(folder)
    model = tiny_articles.write_model(tmp_path / "s.ckpt", given)
    flags = {
        "export_windows.py": [],
        "embed_passages.py": ["--checkpoint", model, "--queries", tmp_path / "queries"],
        "fit_baselines.py": ["--state", tmp_path / "state", "--steps", 1, "--learning-rate", 0.1, "--seed", 1],
    }[script]
    table = tiny_articles.table()
    matrix = tiny_articles.drifting(table)
    matrix[7] = 0
    vectors.save_parts(
        folder, [matrix], table["id"].to_list(), given.manifest, [tmp_path / "payload-data" / "chunks.parquet"]
    )
    with pytest.raises(BadInput, match=r"payload: row 7 has length 0, expected 1$"):
        run(script, "--payload", folder, *flags, "--out", tmp_path / "out")
    (folder / "vectors.npy").write_bytes((folder / "vectors.npy").read_bytes()[:-1])
    with pytest.raises(BadInput, match=r"vectors\.npy: sha256 differs from the manifest"):
        run(script, "--payload", folder, *flags, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_row_23_a_folder_that_is_a_file(tmp_path):
    folder = write_payload(tmp_path / "payload")
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(CannotWrite, match=r"w\.npz: cannot write"):
        run("export_windows.py", "--payload", folder, "--out", tmp_path / "taken" / "w.npz")
    assert (tmp_path / "taken").read_text() == "mine"
