"""The model card claims what the gate has judged and nothing else."""

import json

from lib import files
from lib.report import tables


def card(run_script, folder, template):
    (folder / "card.md").write_text(template)
    arguments = [("--gate", folder / "gate.json"), ("--metrics", folder / "metrics.json")]
    arguments += [("--template", folder / "card.md"), ("--out", folder / "README.md")]
    return run_script("report_card.py", *(word for pair in arguments for word in pair))


def test_the_card_has_the_gate_s_figures(results, run_script):
    done = card(run_script, results, "$base_model\n$verdict\n$metric_names\n$curvature\n\n$gate\n\n$measured\n")
    assert (done.returncode, done.stderr) == (0, "")
    text = (results / "README.md").read_text()
    model, verdict, names, curvature = text.splitlines()[:4]
    assert (model, curvature) == ("sentence-transformers/all-MiniLM-L6-v2", "0.75")
    assert verdict == "naics: BLOCKED, 2 of 4 checks reached"
    assert json.loads(names) == ["recall_at_1", "p95_ms", "broken"]
    for cells in tables.gate(files.read_json(results / "gate.json")).rows:
        assert f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |" in text


def test_a_card_that_needs_what_was_not_measured_is_refused(results, run_script):
    done = card(run_script, results, "$depth")
    assert done.returncode == 2 and "$depth is not in" in done.stderr and not (results / "README.md").exists()


def test_a_card_of_another_gate_is_refused(results, run_script):
    gate = files.read_json(results / "gate.json")
    files.write_json(results / "gate.json", {**gate, "evidence": {"split": "yesterday's"}})
    done = card(run_script, results, "$gate")
    assert done.returncode == 2 and "evidence differs" in done.stderr
