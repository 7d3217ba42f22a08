"""The evaluation through the real script, on models that the real script trained for a few steps."""

import json
from functools import cached_property

import numpy as np
import pytest
import tiny_contracts
from in_process import run
from tiny_correlation_training import World

from lib import config, files, gates
from lib.correlation import dataset, evaluation, model
from lib.errors import BadInput


class Contracts(World):
    """The little world of tiny_contracts, its indexes and three arms of training."""

    def __init__(self, folder):
        self.folder, self.data, self.index = folder, tiny_contracts.write(folder / "data"), folder / "index"
        run("build_correlation_index.py", "--data", self.data, "--out", self.index)
        self.by_lot = folder / "index_random"
        run("build_correlation_index.py", "--data", self.data, "--random", "--out", self.by_lot)

    @cached_property
    def arms(self):
        ce_only = self.trained("ce_only", regression_loss_weight=0.0) / "model"
        by_lot = self.trained("random", index=str(self.by_lot), random=True) / "model"
        return {"model": self.trained("hybrid") / "model", "ce-only": ce_only, "random-model": by_lot}

    def evaluated(self, name, *flags):
        arms = [word for arm, folder in self.arms.items() for word in (f"--{arm}", folder)]
        out = self.folder / f"{name}.json"
        run("eval_unified.py", "correlation", *arms, "--data", self.data, "--samples", 3, *flags, "--out", out)
        return out


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return Contracts(tmp_path_factory.mktemp("contracts"))


@pytest.fixture(scope="module")
def measured(world):
    return files.read_json(world.evaluated("metrics"))


def entry(measured, metric, slice_name="held-out events"):
    return next(e for e in measured["metrics"] if (e["metric"], e["slice"]) == (metric, slice_name))


def test_every_opponent_is_measured_on_the_same_pairs(measured):
    names = [baseline["name"] for baseline in entry(measured, "r2")["baselines"]]
    assert names == ["train mean", "zero", "kNN", "ridge", "boosting on facts", "CE-only", "random retrieval", "argmax"]
    assert entry(measured, "r2", "random split")["n"] > 10
    assert all(b["interval"] and b["difference"] is not None for b in entry(measured, "rmse")["baselines"])
    config.check(measured, "metrics")


def test_the_figures_are_those_of_the_model_s_own_predictions(world, measured):
    pairs = dataset.load(world.data)
    rows = pairs.rows("test")
    columns = ([column[row] for row in rows] for column in (pairs.a_titles, pairs.b_titles, pairs.a, pairs.b))
    told = model.load(world.arms["model"]).predict(*columns)
    off = told.numbers - pairs.correlations[rows]
    assert entry(measured, "rmse")["value"] == pytest.approx(np.sqrt((off**2).mean()), abs=1e-9)
    assert entry(measured, "mae")["value"] == pytest.approx(np.abs(off).mean(), abs=1e-9)
    inside = (told.intervals[:, 0] <= pairs.correlations[rows]) & (pairs.correlations[rows] <= told.intervals[:, 1])
    assert entry(measured, "coverage_90")["value"] == pytest.approx(inside.mean())
    ceiling = pairs.source["ceiling"]["test"]["all"]
    assert entry(measured, "r2_of_ceiling")["value"] == pytest.approx(entry(measured, "r2")["value"] / ceiling)


def test_the_gate_judges_it_and_no_baseline_is_missing(measured):
    bars = [
        {"metric": "r2", "slice": "held-out events", "min_gain": 0.0, "over": name} for name in ("ridge", "CE-only")
    ]
    report = gates.judge(measured, [*bars, {"metric": "mae", "slice": "random split", "max": 2.0}])
    config.check(report, "gate")
    assert report["checks"][2]["verdict"] == "pass"
    assert not any("not measured" in check["reason"] for check in report["checks"])


def test_every_answer_is_json_whose_type_follows_from_its_number(measured):
    answers = [json.loads(one["answer"]) for one in measured["details"]["answers"]]
    assert len(answers) == 3
    for answer in answers:
        assert answer["correlation_type"] == dataset.type_of(answer["underlying_correlation"])
        assert answer["reasoning"].strip()


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[]",
        '{"underlying_correlation": 0.5, "correlation_type": "positive", "confidence": 0.8}',
        '{"underlying_correlation": 0.5, "correlation_type": "negative", "confidence": 0.8, "reasoning": "x"}',
        '{"underlying_correlation": 0.5, "correlation_type": "positive", "confidence": 8, "reasoning": "x"}',
        '{"underlying_correlation": "0.5", "correlation_type": "positive", "confidence": 0.8, "reasoning": "x"}',
    ],
)
def test_what_is_no_valid_answer_is_seen(text):
    assert not evaluation.valid(text)


def test_the_same_inputs_give_the_same_bytes(world, measured):
    again = files.read_json(world.evaluated("again"))
    assert again == measured


def test_row_10_a_model_that_knows_the_pairs_that_judge(world):
    """The arm of the random split has test pairs of the split by events among its known ones."""
    out = world.folder / "leaky.json"
    flags = ["--model", world.arms["random-model"], "--data", world.data, "--out", out]
    with pytest.raises(BadInput, match=r"pairs of the index are in test, the first is"):
        run("eval_unified.py", "correlation", *flags)
    assert not out.exists()


def test_the_picture_shows_every_pair_and_says_the_ceiling(world, measured, tmp_path):
    for name in ("a", "b"):
        run("report_correlation.py", "--metrics", world.folder / "metrics.json", "--out", tmp_path / f"{name}.svg")
    drawn = (tmp_path / "a.svg").read_text()
    assert drawn == (tmp_path / "b.svg").read_text()
    r2, ceiling = entry(measured, "r2")["value"], measured["details"]["ceiling"]
    assert f"R2 {r2:.2f}, noise ceiling {ceiling:.2f}" in drawn
    assert f"correlations of {len(measured['details']['points']['true'])} pairs" in drawn


def test_the_picture_has_what_confidence_was_learnt_from(measured, world):
    learnt = measured["details"]["calibration"]["learnt"]
    known = files.read_json(world.arms["model"] / "reader.json")["calibration"]
    assert [one["claimed"] for one in learnt] == known["claimed"]
    assert [one["right"] for one in learnt] == known["found"]


def test_a_picture_of_another_pipeline_is_refused(measured, tmp_path):
    files.write_json(tmp_path / "metrics.json", {**measured, "details": {}})
    with pytest.raises(BadInput, match="expected the metrics of correlation"):
        run("report_correlation.py", "--metrics", tmp_path / "metrics.json", "--out", tmp_path / "x.svg")
