"""Pictures of training and of gates: stable bytes, everything shown, verdicts in words."""

import re

import pytest

import report_gates


def history(path, stage, columns="step,learning_rate,loss,tree,validation"):
    rows = [f"{step},1e-3,{3 / (step + stage)},,{0.5 if step % 9 == 8 else ''}" for step in range(20)]
    path.write_text("\n".join([columns, *rows]) + "\n")
    return path


def test_the_pictures_have_the_same_bytes_twice(results, run_script, tmp_path):
    histories = [history(tmp_path / f"stage{n}.history.csv", n) for n in (1, 2)]
    for name in ("a", "b"):
        curves = run_script("report_curves.py", "--history", *histories, "--out", tmp_path / f"{name}.svg")
        gate = run_script("report_gates.py", "--gate", results / "gate.json", "--out", tmp_path / f"{name}-gate.svg")
        assert (curves.returncode, curves.stderr, gate.returncode, gate.stderr) == (0, "", 0, "")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "a-gate.svg").read_bytes() == (tmp_path / "b-gate.svg").read_bytes()


def test_the_curves_show_what_was_logged_and_where_stages_begin(run_script, tmp_path):
    histories = [history(tmp_path / f"stage{n}.history.csv", n) for n in (1, 2)]
    run_script("report_curves.py", "--history", *histories, "--out", tmp_path / "a.svg")
    said = re.findall(r"<text[^>]*>([^<]+)</text>", (tmp_path / "a.svg").read_text())
    assert {"learning rate", "loss", "validation", "stage1", "stage2", "step"} <= set(said)
    assert "tree" not in said, "a column without a value has no panel"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("step,loss\n0,1\n1,x\n", "line 3: loss is 'x', expected a number"),
        ("loss\n1\n", "expected a column named step"),
        ("step,loss\n", "expected a column named step and at least one row"),
        ("step\n0\n", "no values"),
    ],
)
def test_a_history_that_is_none_is_refused(run_script, tmp_path, content, said):
    (tmp_path / "h.csv").write_text(content)
    done = run_script("report_curves.py", "--history", tmp_path / "h.csv", "--out", tmp_path / "a.svg")
    assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "a.svg").exists()


def test_the_gate_s_picture_says_each_verdict_in_words(results, run_script, tmp_path):
    run_script("report_gates.py", "--gate", results / "gate.json", "--out", tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    said = re.findall(r"<text[^>]*>([^<]+)</text>", text)
    assert [line for line in said if line[0] in "\u2713\u2717"] == [
        "\u2713 pass",
        "\u2713 pass",
        "\u2717 FAIL (advisory)",
        "\u2717 FAIL",
    ]
    assert "906.0" in " ".join(said) and "<script" not in text


@pytest.mark.parametrize(
    ("value", "interval", "bar", "rival", "extent", "at"),
    [
        (0.7, [0.6, 0.8], {"min": 0.5}, None, (0, 1), 0.5),
        (0.7, [0.6, 0.8], {"min_gain": 0.1}, 0.5, (0, 1), 0.6),
        (0.1, [-0.2, 0.3], {"min_gain": 0.1}, None, (-0.2, 1), None),
        (12.0, [10.0, 14.0], {"max": 20}, 30.0, (0, 33), 20),
        (None, None, {"min": 0.5}, None, (0, 1), 0.5),
    ],
)
def test_a_strip_shows_everything_there_is(value, interval, bar, rival, extent, at):
    baseline = None if rival is None else {"name": "raw", "value": rival}
    check = {"value": value, "interval": interval, "bar": bar, "baseline": baseline}
    assert report_gates.extent(check) == pytest.approx(extent)
    assert report_gates.bar_at(check) == at
