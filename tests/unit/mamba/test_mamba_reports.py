"""What is made of an evaluation: the gate, pictures in words, the table of arms, the model card."""

import json
from pathlib import Path

import pytest
import yaml
from in_process import run
from refusals import refused
from tiny_mamba_evaluation import entry

from lib import config, files, gates
from lib.mamba.ranking import EXCLUDED

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def bars():
    return yaml.safe_load((ROOT / "config" / "mamba.yaml").read_text())["gates"]["mamba"]


def test_the_bars_of_the_configuration_can_be_judged(measured, bars):
    report = gates.judge({**measured, "dataset": "wikipedia"}, bars)
    config.check(report, "gate")
    assert not report["passed"]  # an untrained model leads over nothing


def test_the_picture_says_in_words_what_it_draws(world, measured, tmp_path):
    run("report_mamba.py", "--metrics", world.folder / "metrics.json", "--out", tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    last = measured["details"]["recall_at_5_by_pool_size"]["recall_at_5"]["two-tower"][-1]
    assert "two-tower " in text
    assert f"{last:.3f}" in text


def test_the_picture_of_indexes_says_in_words_what_it_draws(world, measured, tmp_path):
    run("report_mamba_index.py", "--metrics", world.folder / "metrics.json", "--out", tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    for name, point in measured["details"]["index_configurations"].items():
        assert name.split(", ")[0] in text
        assert f"{point['recall_at_50']:.3f} in {point['p95_ms']:.2f} ms" in text
    shuffled = [
        {"kind": "IVF32", "nprobe": nprobe, "recall_at_50": nprobe / 32, "p95_ms": nprobe} for nprobe in (1, 16, 2)
    ]
    details = {
        "index_configurations": {str(at): own for at, own in enumerate(shuffled)},
        "latency": measured["details"]["latency"],
    }
    files.write_json(tmp_path / "s.json", {**measured, "details": details})
    run("report_mamba_index.py", "--metrics", tmp_path / "s.json", "--out", tmp_path / "s.svg")
    assert "IVF32: 0.031 in 1.00 ms, 0.062 in 2.00 ms, 0.500 in 16.00 ms" in (tmp_path / "s.svg").read_text()
    told = world.evaluate(tmp_path / "m.json")
    assert told["details"]["index_configurations"] == {}
    said = refused(run, "report_mamba_index.py", "--metrics", tmp_path / "m.json", "--out", tmp_path / "b.svg")
    assert said == f"{tmp_path / 'm.json'}: no index configurations, expected eval_unified.py mamba to have --kinds"


def test_the_table_of_arms_has_each_beside_the_model(world, tmp_path):
    told = world.evaluate(tmp_path / "m.json", "--others", json.dumps({"AR only": str(world.model)}))
    run("report_mamba_arms.py", "--metrics", tmp_path / "m.json", "--model", "s", "--out", tmp_path / "arms.md")
    rows = [line.strip("| \n").split(" | ") for line in (tmp_path / "arms.md").read_text().splitlines()]
    table = {row[0]: row[1:] for row in rows}
    assert len({len(row) for row in rows}) == 1
    mrr = entry(told, "mrr", EXCLUDED)
    assert table["s"][0] == f"{mrr['value']:.3f} [{mrr['interval'][0]:.3f}, {mrr['interval'][1]:.3f}]"
    assert table["AR only"][-1] == "+0.000 [+0.000, +0.000]"
    assert [table["AR only"][0]] + [table["ridge"][0]] == [
        f"{own['value']:.3f}" for name in ("AR only", "ridge") for own in mrr["baselines"] if own["name"] == name
    ]
    assert list(table)[2:3] == ["s"]
    assert set(table) - {"arm", "---", "s"} == {own["name"] for own in mrr["baselines"]}


def test_the_model_card_is_filled_from_the_gate(world, measured, bars, tmp_path):
    metrics_of, gate = ["--metrics", world.folder / "metrics.json"], tmp_path / "gate.json"
    run("gate.py", *metrics_of, "--bars", json.dumps(bars), "--out", gate)
    template = ROOT / "scripts" / "lib" / "mamba" / "card.md"
    run("report_card.py", "--gate", gate, *metrics_of, "--template", template, "--out", tmp_path / "a.md")
    card = (tmp_path / "a.md").read_text()
    assert f"each of their {measured['details']['candidates']} chunks" in card
    assert "$" not in card
