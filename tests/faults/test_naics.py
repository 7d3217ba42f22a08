"""Faults of NAICS data, models and machines through the real scripts: exit code 2, one line, nothing written.

The number in a test's name is its row in the table of faults.
"""

import os
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from in_process import places
from refusals import refused
from tiny_naics import MADE, World, little, write_data

from lib import vectors
from lib.index import build
from lib.naics import dataset, model
from lib.naics.source import Entry
from lib.naics.tables import ENTRIES, EXCLUSIONS, TAXONOMY

CURRICULUM = ["--positive-levels", "[6]", "--bucket-percentages", '{"1": 1.0}']


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("little-naics"))


@pytest.fixture
def data(tmp_path):
    return write_data(tmp_path / "data")


def encode(data, out) -> list[object]:
    """Arguments of encode_naics.py, the first script that reads everything prepare_naics.py wrote."""
    lengths = '{"title": 8, "description": 8, "excluded": 8, "examples": 8}'
    places = ["--token-cache", out.with_name("tokens"), "--vectors", out.with_name("vectors"), "--out", out]
    return ["--data", data, "--encoder", "minilm", "--max-lengths", lengths, *places]


def change(path, row: str, value: object, **changes: object) -> None:
    """Set some columns where the column `row` holds `value`, whatever that makes of the table."""
    at = pl.col(row) == value
    table = pl.read_parquet(path)
    set_to = [pl.when(at).then(pl.lit(new)).otherwise(pl.col(name)).alias(name) for name, new in changes.items()]
    table.with_columns(set_to).cast({name: table.schema[name] for name in changes}).write_parquet(path)


# Row 10: the same text on both sides of the split


def test_row_10_the_same_text_in_test_and_training(refused_by, world, tmp_path):
    """In other words order and case; refused by the evaluation itself, whoever made the data."""
    source = little()
    at = [number for number, role in enumerate(source.roles) if role == "test"][3:5]
    twins = [
        Entry(900 + number, " ".join(reversed(source.entries[row].text.upper().split())), "221111", "made up")
        for number, row in enumerate(at)
    ]
    leaking = replace(source, entries=[*source.entries, *twins], roles=[*source.roles, "training", "examples"])
    data = write_data(tmp_path / "data", leaking)
    checkpoint, vectors = world.stage("stage1", world.model())
    refused_by(
        "eval_unified.py", "naics", "--checkpoint", checkpoint, "--vectors", vectors, "--raw", world.raw,
        "--data", data, "--out", tmp_path / "metrics.json",
        said=f"{data / ENTRIES}: 2 texts are on both sides of the split, the first is {source.entries[at[0]].text!r}",
    )  # fmt: skip


@pytest.mark.parametrize("place", ["description", "exclusion", "validation"])
def test_row_10_a_test_text_that_is_read_elsewhere(tmp_path, place):
    source = little()
    judged = next(entry for entry, role in zip(source.entries, source.roles) if role == "test")
    if place == "description":
        lines = f"This industry has:\n{judged.text.upper()}.\nAnd more."
        source = replace(source, nodes=[replace(source.nodes[0], description=lines), *source.nodes[1:]])
    elif place == "exclusion":
        source = replace(source, references=[source.references[0]._replace(text=judged.text), *source.references[1:]])
    else:
        twin = Entry(900, judged.text, judged.code, "made up")
        source = replace(source, entries=[*source.entries, twin], roles=[*source.roles, "validation"])
    data = write_data(tmp_path / "data", source)
    said = f"{data}: 1 texts are on both sides of the split, the first is {judged.text!r}"
    assert refused(dataset.load, data) == said


def test_row_10_an_entry_with_two_roles(data):
    change(data / ENTRIES, "entry_id", 17, entry_id=4)
    assert refused(dataset.load, data) == f"{data / ENTRIES}: entry 4: stands twice"


# Row 16: entries that say nothing


def test_row_16_an_entry_without_text(refused_by, data, tmp_path):
    change(data / ENTRIES, "entry_id", 7, text=" ")
    arguments = encode(data, tmp_path / "texts.safetensors")
    refused_by("encode_naics.py", *arguments, said=f"{data / ENTRIES}: entry 7: empty text")


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("text", None, "empty text"),
        ("code", "22111", "code 22111, expected six digits"),
        ("code", "999999", "unknown code '999999'"),
        ("code", None, "unknown code None"),
        ("role", "", "unknown role ''"),
        ("role", None, "unknown role None"),
    ],
)
def test_row_16_an_entry_without_text_code_or_role(data, column, value, said):
    change(data / ENTRIES, "entry_id", 7, **{column: value})
    assert refused(dataset.load, data) == f"{data / ENTRIES}: entry 7: {said}"


# Row 17: codes that are no tree


@pytest.mark.parametrize(
    ("at", "changes", "said"),
    [
        ("2211", None, "code 22111 has no parent, expected 2211 in the table"),
        ("22112", {"code": "22111"}, "code 22111 stands 2 times"),
        ("221", {"parent": "2212"}, "code 221 is above itself, the parents form a cycle"),
        ("22112", {"code": "2211x"}, "code '2211x' is not 2 to 6 digits, nor a range such as 31-33"),
        ("22112", {"parent": "221"}, "code 22112 stands below 221, expected one digit less"),
        ("22112", {"title": " "}, "code 22112 has an empty title"),
    ],
)
def test_row_17_codes_that_are_no_tree(refused_by, data, tmp_path, at, changes, said):
    if changes is None:
        pl.read_parquet(data / TAXONOMY).filter(pl.col("code") != at).write_parquet(data / TAXONOMY)
    else:
        change(data / TAXONOMY, "code", at, **changes)
    arguments = ["--data", data, *CURRICULUM, "--out", tmp_path / "triplets"]
    refused_by("build_naics_triplets.py", *arguments, said=f"{data / TAXONOMY}: {said}")


def test_row_17_an_exclusion_that_leads_nowhere(refused_by, data, tmp_path):
    change(data / EXCLUSIONS, "code", little().references[0].code, target="999")
    arguments = ["--data", data, *CURRICULUM, "--out", tmp_path / "triplets"]
    refused_by("build_naics_triplets.py", *arguments, said=f"{data / EXCLUSIONS}: unknown target '999'")


# Row 25: what is not here


def test_row_25_a_gpu_that_is_not_here(refused_by, world, tmp_path, monkeypatch):
    monkeypatch.setitem(os.environ, "CUDA_VISIBLE_DEVICES", "")
    said = "device cuda: none here, expected cpu or a machine with a GPU"
    refused_by("train_naics_stage.py", *world.training(device="cuda"), *places(tmp_path, MADE), said=said)


def test_row_25_a_model_that_is_not_here_and_no_network(run_script, data, tmp_path, monkeypatch):
    monkeypatch.setitem(os.environ, "HF_HUB_OFFLINE", "1")
    arguments = encode(data, tmp_path / "texts.safetensors")
    arguments[arguments.index("minilm")] = "owner/not-here"
    end = run_script("encode_naics.py", *arguments)
    assert (end.returncode, end.stdout, end.stderr.count("\n")) == (2, "", 1)
    said = "encode_naics.py: naics.encoder.encoder: model 'owner/not-here' is not on disk and cannot be fetched ("
    assert end.stderr.startswith(said)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


# Row 8: files that do not belong together


def test_row_8_an_index_of_another_checkpoint(refused_by, world, data, tmp_path):
    index = tmp_path / "index"
    vectors.save(tmp_path / "points", np.eye(63), world.data.taxonomy.codes, {"model_sha256": "of another"})
    build(tmp_path / "points", "Flat", "lorentz", index)
    model.save(tmp_path / "stage3.ckpt", world.model(), {})
    said = f"{index}: built from another checkpoint than {tmp_path / 'stage3.ckpt'}"
    refused_by(
        "predict_naics.py", "a school", "--checkpoint", tmp_path / "stage3.ckpt", "--index", index, "--data", data,
        said=said,
    )  # fmt: skip
