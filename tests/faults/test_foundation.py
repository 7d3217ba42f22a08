"""Faults that the foundation alone must catch; the number in a test's name is its row in the table of faults.

Rows 21 to 26 need a process that dies or is disturbed: tests/crash.
"""

import json
import os

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from refusals import refused
from tiny_metrics import document

from lib import checkpoint, config, files
from lib.errors import BadInput
from lib.training import Settings

TENSORS = {"weight": torch.arange(24, dtype=torch.float32).view(4, 6), "steps": torch.tensor(7)}
ABOUT = {"config": {"d_model": 64, "rate": 1e-05}, "history": [{"loss": 0.25}]}
METRICS = document({"metric": "mrr", "slice": "test", "n": 9, "value": 0.5, "interval": [0.4, 0.6], "baselines": []})
BARS = [{"metric": "mrr", "slice": "test", "min": 0.1}]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoint") / "whole.ckpt"
    checkpoint.save(path, TENSORS, ABOUT)
    return path


def same(loaded, original) -> bool:
    (tensors, about), (true_tensors, true_about) = loaded, original
    equal = all(torch.equal(tensors[name], tensor) for name, tensor in true_tensors.items())
    return equal and tensors.keys() == true_tensors.keys() and about == true_about


def detected(path, original) -> bool:
    """Whether the file is refused, or the change was one of spelling (1e-05, 1E-05) and not of content."""
    try:
        return same(checkpoint.load(path), original)
    except BadInput as error:
        assert str(error).startswith(f"{path}: ")
        return True


def test_row_2_every_flipped_bit_of_a_checkpoint(whole):
    original, content = checkpoint.load(whole), whole.read_bytes()
    path = whole.with_name("flipped.ckpt")
    for place in range(len(content)):
        for bit in range(8):
            changed = bytearray(content)
            changed[place] ^= 1 << bit
            path.write_bytes(changed)
            assert detected(path, original), f"byte {place} bit {bit}"


@settings(max_examples=300)
@given(st.data())
def test_row_2_any_damage_to_a_checkpoint(whole, data):
    """A stretch overwritten, cut out or put in: found, or nothing but white space changed."""
    content = whole.read_bytes()
    first = data.draw(st.integers(0, len(content)))
    last = data.draw(st.integers(first, min(first + 16, len(content))))
    path = whole.with_name("damaged.ckpt")
    path.write_bytes(content[:first] + data.draw(st.binary(max_size=16)) + content[last:])
    assert detected(path, checkpoint.load(whole))


def test_row_2_two_tensors_that_changed_places(tmp_path):
    checkpoint.save(tmp_path / "a", {"x": torch.zeros(3), "y": torch.ones(3)}, {})
    swapped = (
        (tmp_path / "a").read_bytes().replace(b'"x":', b'"z":').replace(b'"y":', b'"x":').replace(b'"z":', b'"y":')
    )
    (tmp_path / "a").write_bytes(swapped)
    with pytest.raises(BadInput, match="damaged"):
        checkpoint.load(tmp_path / "a")


# Rows 11 and 12: text and JSON that is not


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"text": "caf\xe9"}', "not UTF-8 at byte 13"),
        (b"\xff\xfe{\x00}\x00", "not UTF-8 at byte 0"),
        (b'{"schema": 1,\n "pipeline', "line 2 column 2: Unterminated string starting at"),
        (b'{"schema": 1,\n "pipeline"', "line 2 column 12: Expecting ':' delimiter"),
        (b"", "line 1 column 1: Expecting value"),
        (b'{"schema": NaN}', "NaN is not JSON, expected a finite number or null"),
        (b'{"schema": -Infinity}', "-Infinity is not JSON, expected a finite number or null"),
        (b'{"schema": 1e999}', "1e999 is not JSON, expected a finite number or null"),
        (b'{"schema": 1, "schema": 1}', "key 'schema' stands twice in one object"),
        (b'{"evidence": {"seed": 1, "seed": 2}}', "key 'seed' stands twice in one object"),
    ],
)
def test_rows_11_and_12_a_damaged_metrics_file(run_script, tmp_path, content, said):
    (tmp_path / "metrics.json").write_bytes(content)
    (tmp_path / "gate.json").write_text("of yesterday")
    run = run_script(
        "gate.py", "--metrics", tmp_path / "metrics.json", "--bars", json.dumps(BARS), "--out", tmp_path / "gate.json"
    )
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == f"gate.py: {tmp_path / 'metrics.json'}: {said}\n"
    assert (tmp_path / "gate.json").read_text() == "of yesterday"
    assert len(list(tmp_path.iterdir())) == 2


@given(st.binary(max_size=40))
def test_rows_11_and_12_no_bytes_give_more_than_json_or_a_refusal(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(content)
    try:
        value = files.read_json(path)
    except BadInput as error:
        assert str(error).startswith(f"{path}: ")
    else:
        assert json.loads(content) == value


def test_row_12_a_missing_file(run_script, tmp_path):
    run = run_script("gate.py", "--metrics", tmp_path / "no.json", "--bars", json.dumps(BARS), "--out", tmp_path / "g")
    assert (run.returncode, run.stderr) == (2, f"gate.py: {tmp_path / 'no.json'}: No such file or directory\n")


# Row 19: configuration


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"metrix": "mrr"}, "0: unknown key 'metrix', did you mean 'metric'?"),
        ({"min": "1e-4"}, "0.min: '1e-4' is text, expected number (write 1.0e-4, not 1e-4)"),
        ({"min": None}, "0.min: None is not of type 'number'"),
        ({"advisory": "yes"}, "0.advisory: 'yes' is text, expected boolean"),
    ],
)
def test_row_19_a_slip_in_the_bars(change, said):
    assert refused(config.check, [{**BARS[0], **change}], "bars", "config/naics.yaml") == f"config/naics.yaml: {said}"


def test_row_19_a_warm_up_longer_than_the_run():
    said = refused(Settings, steps=100, learning_rate=1e-4, seed=1, warmup_ratio=0.7, hold_ratio=0.4)
    assert said == "warmup_ratio 0.7 + hold_ratio 0.4: longer than the run"


# Row 20: a file that would run code

HOSTILE = b"cposix\nsystem\n(S'touch %s'\ntR."


@pytest.mark.parametrize("read", [checkpoint.load, checkpoint.read_metadata, files.read_json])
def test_row_20_a_hostile_pickle_is_only_bytes(tmp_path, read):
    path, trace = tmp_path / "model.pt", tmp_path / "it-ran"
    path.write_bytes(HOSTILE % os.fsencode(trace))
    with pytest.raises(BadInput, match=r"model\.pt: "):
        read(path)
    assert not trace.exists()


def test_row_20_the_pickle_is_really_hostile(run_python, tmp_path):
    """Else the test above would prove nothing."""
    (tmp_path / "model.pt").write_bytes(HOSTILE % os.fsencode(tmp_path / "it-ran"))
    run_python("import pickle, sys; pickle.load(open(sys.argv[1], 'rb'))", tmp_path / "model.pt")
    assert (tmp_path / "it-ran").exists()


# Row 23: what a gate does when it cannot write


@pytest.mark.parametrize("place", ["file/gate.json", "folder"])
def test_row_23_a_gate_that_cannot_be_written(run_script, tmp_path, place):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    files.write_json(tmp_path / "metrics.json", METRICS)
    run = run_script(
        "gate.py", "--metrics", tmp_path / "metrics.json", "--bars", json.dumps(BARS), "--out", tmp_path / place
    )
    assert run.returncode == 74
    assert run.stderr.startswith(f"gate.py: {tmp_path / place}: cannot write: ")
    assert run.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder", "metrics.json"]
