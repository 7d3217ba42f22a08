"""report_arms.py: every figure of every arm in its cell, and a column that an arm lacks is named."""

import json

import numpy as np
import pytest
from in_process import run

from lib import files, metrics
from lib.errors import BadInput

COLUMNS = [["map", "masked"], ["roc_auc", "adversarial"]]


def measured(lead: float) -> dict:
    """Metrics of six queries, two a label; the second metric has no raw encoder beside it."""
    groups, raw = np.array([0, 0, 1, 1, 2, 2]), np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    entries = [
        metrics.compare("map", "masked", raw + lead, {"TF-IDF": raw, "raw": raw}, groups, 1),
        metrics.compare("roc_auc", "adversarial", raw, {}, groups, 1),
    ]
    about = {"schema": 1, "pipeline": "tickets", "dataset": "incidents", "source": "of the tests"}
    return {**about, "metrics": entries, "details": {}, "evidence": {"seed": 1}}


@pytest.fixture
def arms(tmp_path):
    for name, lead in (("shuffled", 0.25), ("seed", 0.0)):
        files.write_json(tmp_path / f"{name}.metrics.json", measured(lead))
    return [tmp_path / f"{name}.metrics.json" for name in ("shuffled", "seed")]


def test_a_row_an_arm_in_the_order_given(arms, tmp_path):
    run("report_arms.py", "--metrics", *arms, "--columns", json.dumps(COLUMNS), "--out", tmp_path / "arms.md")
    lines = (tmp_path / "arms.md").read_text().splitlines()
    assert lines[0] == "| arm | map (masked) | roc_auc (adversarial) |"
    rows = {line.split(" | ")[0]: line for line in lines[2:]}
    assert list(rows) == ["| shuffled", "| seed"]
    low, high = measured(0.25)["metrics"][0]["interval"]
    assert f"| 0.600 [{low:.3f}, {high:.3f}]; +0.250 [+0.250, +0.250] |" in rows["| shuffled"]
    assert "; +0.000 [+0.000, +0.000] |" in rows["| seed"]
    assert rows["| seed"].endswith(" | 0.350 [0.150, 0.550] |")


def test_a_column_that_an_arm_lacks_is_named(arms, tmp_path):
    asked = json.dumps([["map", "nowhere"]])
    with pytest.raises(BadInput, match=r"shuffled.metrics.json: no map on 'nowhere', expected each of the columns$"):
        run("report_arms.py", "--metrics", *arms, "--columns", asked, "--out", tmp_path / "arms.md")
    assert not (tmp_path / "arms.md").exists()
