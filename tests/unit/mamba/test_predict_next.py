"""predict_next.py: from a text to the passages that follow, through the real encoder path."""

import json

import numpy as np
import pytest
import tiny_articles
from in_process import run
from tiny_naics import write_encoder

from lib.errors import BadInput
from lib.mamba import payload, predictor
from lib.mamba.ranking import Bench


def test_passages_that_follow_a_text_are_the_nearest_to_its_query(tmp_path, capsys):
    """Through the real encoder path: the payload's own chunks, asked for as a text."""
    data = tiny_articles.write_data(tmp_path / "data")
    write_encoder(tmp_path / "encoder")
    how = ["--encoder", tmp_path / "encoder", "--max-length", 64]
    run("embed_articles.py", "--data", data, *how, "--state", tmp_path / "state", "--out", tmp_path / "shard")
    run("merge_payload.py", tmp_path / "shard", "--data", data, "--out", tmp_path / "payload")
    given = payload.load(tmp_path / "payload")
    model = tiny_articles.write_model(tmp_path / "s.ckpt", given, given.vectors.shape[1])
    places = ["--checkpoint", model, "--payload", tmp_path / "payload"]
    run("embed_passages.py", *places, "--queries", tmp_path / "queries", "--out", tmp_path / "passages")
    run("build_faiss_index.py", "--vectors", tmp_path / "passages", "--out", tmp_path / "index")
    (tmp_path / "text.txt").write_text("\n\n".join(given.texts[:6]))
    capsys.readouterr()
    run(
        "predict_next.py", "--text", tmp_path / "text.txt", *places, "--index", tmp_path / "index", "--top", 3, "--json"
    )
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    bench = Bench(given, np.array([6]), np.arange(len(given)))
    query = bench.ask(predictor.load(model).queries, 0)[0]
    expected = np.argsort(-(given.vectors @ query), kind="stable")[:3]
    assert [own["id"] for own in found] == [given.ids[row] for row in expected]
    assert [own["score"] for own in found] == pytest.approx((given.vectors @ query)[expected], abs=2e-4)
    (tmp_path / "text.txt").write_text("short")
    with pytest.raises(BadInput, match=r"text\.txt: no chunk of 20 characters or more"):
        run("predict_next.py", "--text", tmp_path / "text.txt", *places, "--index", tmp_path / "index")
