"""Faults of training and serving a correlation model, through the real scripts.

The number in a test's name is its row in the table of faults; "fault" names a row of the original's own.
"""

import functools
import json
import re
import shutil

import pytest
import torch
from in_process import places, run
from tiny_correlation_training import MADE, World

from lib import files
from lib.correlation import model
from lib.correlation.objective import Objective
from lib.errors import BadInput, BrokenModel


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("little-pairs"))


@pytest.fixture(scope="module")
def trained(world):
    return world.trained("trained") / "model"


def train(world, folder, *more: object, **changes: object) -> None:
    run("train_correlation.py", *world.training(**changes), *places(folder, MADE), *more)


@pytest.mark.parametrize("name", ["./nowhere", "somewhere.gguf", "no-such-owner/no-such-model"])
def test_row_25_a_model_that_is_not_there_names_the_key_and_the_model(world, tmp_path, monkeypatch, name):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(BadInput, match=rf"^correlation\.model\.model: .*{name}"):
        train(world, tmp_path, model=name)
    assert not (tmp_path / "model").exists()


def test_row_25_a_gpu_that_is_not_there(world, tmp_path):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(BadInput, match=r"^device cuda: none here"):
        train(world, tmp_path, device="cuda")


def test_row_25_four_bits_of_a_model_that_is_no_language_model(world, tmp_path):
    with pytest.raises(BadInput, match=r"^correlation\.model\.use_4bit: minilm is an encoder, expected"):
        train(world, tmp_path, use_4bit=True)


def test_row_25_four_bits_of_a_file_that_is_quantised_already(world, tmp_path):
    (tmp_path / "small.gguf").write_bytes(b"GGUF")
    with pytest.raises(BadInput, match=r"use_4bit: small\.gguf is quantised already, expected a folder or hub id$"):
        train(world, tmp_path, model=str(tmp_path / "small.gguf"), use_4bit=True)


def test_row_25_a_file_that_is_no_model(world, tmp_path):
    (tmp_path / "small.gguf").write_bytes(b"GGUF")
    with pytest.raises(BadInput, match=r"^correlation\.model\.model: model .*small\.gguf' cannot be loaded"):
        train(world, tmp_path, model=str(tmp_path / "small.gguf"))


def test_row_26_a_loss_that_is_not_finite(world, diverges):
    diverges(Objective, functools.partial(train, world), at=3, out="model")


def test_fault_training_without_effect_saves_nothing(world, tmp_path):
    with pytest.raises(BrokenModel, match=r"which had no effect$"):
        train(world, tmp_path, learning_rate=1e-9)
    assert not (tmp_path / "model").exists()


def test_row_8_an_index_of_other_pairs_is_refused(world, tmp_path):
    """The index of the disjoint split holds pairs that the random one validates with."""
    with pytest.raises(BadInput, match=r"pairs of the index are in validation"):
        train(world, tmp_path, "--random")


@pytest.mark.parametrize("name", ["reader.json", "head.safetensors", "index/pairs.json"])
def test_row_2_a_damaged_model_is_not_loaded(trained, tmp_path, name):
    folder = tmp_path / "model"
    shutil.copytree(trained, folder)
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(bytes(content))
    with pytest.raises(BadInput, match=re.escape(str(folder / name))):
        model.load(folder)


def test_row_13_a_reader_that_says_too_little_names_what_is_missing(trained, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(trained, folder)
    about = files.read_json(folder / "reader.json")
    del about["calibration"]
    files.write_json(folder / "reader.json", about)
    with pytest.raises(BadInput, match=r"reader\.json: missing calibration, expected an object with shape, "):
        model.load(folder)


def test_prediction_says_one_json_object_for_each_pair(trained, tmp_path, capsys):
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("Will the Red candidate win Iowa?\tWill the Blue candidate win Iowa?\n" * 2)
    run("predict_correlation.py", "--file", pairs, "--model", trained, "--reasoning")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0] == lines[1]
    assert set(json.loads(lines[0])) == {
        "underlying_correlation",
        "correlation_type",
        "confidence",
        "interval",
        "reasoning",
    }


@pytest.mark.parametrize(
    ("titles", "said"),
    [
        (["Will A win?"], "command line: 1 titles, expected those of A and B"),
        (["Will A win?", " "], "no pair given, expected two titles"),
        ([], "no pair given, expected two titles"),
    ],
)
def test_prediction_asks_for_two_titles(trained, titles, said):
    with pytest.raises(BadInput, match=said):
        run("predict_correlation.py", *titles, "--model", trained)


def test_prediction_without_a_model_is_an_error_and_no_other_model(tmp_path):
    with pytest.raises(BadInput, match=r"nowhere/reader\.json: No such file"):
        run("predict_correlation.py", "Will A win?", "Will B win?", "--model", tmp_path / "nowhere")


def test_a_line_that_is_no_pair_is_named(trained, tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("Will A win?\tWill B win?\nWill C win?\n")
    with pytest.raises(BadInput, match=r"pairs\.tsv: line 2: 'Will C win\?', expected two titles parted by a tab"):
        run("predict_correlation.py", "--file", path, "--model", trained)
