"""gate.py and verdict.py as commands: metrics.json -> gate.json -> the table and the exit code."""

import json
import re

import pytest
from tiny_metrics import document

METRICS = document(
    {
        "metric": "recall_at_10",
        "slice": "test",
        "n": 500,
        "value": 0.7,
        "interval": [0.66, 0.74],
        "baselines": [{"name": "bm25", "value": 0.6, "difference": 0.1, "interval": [0.05, 0.15]}],
    },
    {"metric": "spearman", "slice": "test", "n": 9, "value": None, "interval": None, "baselines": []},
)


@pytest.fixture
def metrics(tmp_path):
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps(METRICS))
    return path


@pytest.fixture
def gate(run_script, metrics, tmp_path):
    """`gate("a", bar, ...)` writes a.json and returns its path."""

    def judge(name, *bars):
        bars = [{"metric": "recall_at_10", "slice": "test", **bar} for bar in bars]
        out = tmp_path / f"{name}.json"
        run = run_script("gate.py", "--metrics", metrics, "--bars", json.dumps(bars), "--out", out)
        assert (run.returncode, run.stdout) == (0, ""), run.stderr
        return out

    return judge


def test_when_every_gate_passes_the_verdict_is_written(gate, run_script, tmp_path):
    run = run_script("verdict.py", gate("a", {"min": 0.5}), gate("b", {"min_gain": 0.02}), "--out", tmp_path / "passed")
    assert (run.returncode, run.stderr) == (0, "")
    assert (tmp_path / "passed").read_text() == "naics passed\nnaics passed\n"
    header, *rows = run.stdout.splitlines()
    assert header.split()[:3] == ["pipeline", "metric", "slice"]
    cells = ["naics", "recall_at_10", "test", "0.700 [0.660, 0.740]", "500", "min 0.5"]
    assert re.split(" {2,}", rows[0]) == [*cells, "bm25 0.600 (+0.100 [+0.050, +0.150])", "pass"]
    assert len(rows) == 2


def test_one_blocked_gate_is_exit_1_and_takes_an_old_pass_back(gate, run_script, tmp_path):
    (tmp_path / "passed").write_text("of yesterday")
    run = run_script("verdict.py", gate("a", {"min": 0.5}, {"min": 0.8}), "--out", tmp_path / "passed")
    assert run.returncode == 1
    assert "fail: 0.1000 short of the bar" in run.stdout
    assert run.stderr == "blocked: naics\n"
    assert not (tmp_path / "passed").exists()


def test_what_could_not_be_measured_is_a_dash_and_a_reason(gate, run_script, tmp_path):
    bar = {"metric": "spearman", "min": 0.5}
    run = run_script("verdict.py", gate("a", bar), "--out", tmp_path / "passed")
    assert run.returncode == 1
    cells = ["naics", "spearman", "test", "-", "9", "min 0.5", "-"]
    row = re.split(" {2,}", run.stdout.splitlines()[1])
    assert row == [*cells, "fail: the value is not a number: a broken evaluation"]


def test_advice_is_shown_as_such(gate, run_script, tmp_path):
    report = gate("a", {"min": 0.5}, {"min": 0.9, "advisory": True})
    run = run_script("verdict.py", report, "--out", tmp_path / "passed")
    assert run.returncode == 0
    assert "fail (advisory): 0.2000 short of the bar" in run.stdout


def test_the_same_inputs_give_the_same_bytes(gate):
    assert gate("a", {"min": 0.5}).read_bytes() == gate("b", {"min": 0.5}).read_bytes()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"passed": True}, "checks.0: expected verdict pass or advisory true, since the report says passed"),
        ({"checks": []}, "checks: [] should be non-empty"),
        ({"when": "today"}, "top level: unknown key 'when'"),
    ],
)
def test_a_report_that_was_tampered_with_is_refused(gate, run_script, tmp_path, change, said):
    path = gate("a", {"min": 0.8})
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    run = run_script("verdict.py", path, "--out", tmp_path / "passed")
    assert (run.returncode, run.stderr) == (2, f"verdict.py: {path}: {said}\n")
    assert not (tmp_path / "passed").exists()


@pytest.mark.parametrize(
    ("bars", "said"),
    [
        ('[{"metric": "recall_at_10"', "argument --bars: not JSON"),
        ('[{"metric": "x", "slice": "test"}]', "--bars: 0: expected exactly one of min, max and min_gain"),
        ('[{"metric": "x", "slice": "test", "min": 1}]', "gate.py: bar x on 'test': not measured"),
    ],
)
def test_wrong_bars_are_exit_2_and_no_report(metrics, run_script, tmp_path, bars, said):
    run = run_script("gate.py", "--metrics", metrics, "--bars", bars, "--out", tmp_path / "gate.json")
    assert run.returncode == 2
    assert said in run.stderr
    assert not (tmp_path / "gate.json").exists()
