"""eval_unified.py mamba, through the real scripts, with every flag of the original's command."""

import argparse
import json

import numpy as np
import pytest
import tiny_articles
from tiny_mamba_evaluation import KINDS, entry

from lib import files, index, metrics, provenance
from lib.errors import BadInput
from lib.mamba import payload, predictor, ranking, scores, seed_gates, windows
from lib.mamba.ranking import EXCLUDED, Bench


def test_metrics_are_those_of_the_ranks(world, measured):
    bench = Bench(world.given, windows.draw(world.given, "test", 5244, 1), np.flatnonzero(world.given.splits == "test"))
    ranks = ranking.ranks(bench, predictor.load(world.model), scores.SLICES)
    for slice_name, own in ranks.items():
        assert entry(measured, "mrr", slice_name)["value"] == pytest.approx((1 / own).mean())
        for metric, k in (("recall_at_1", 1), ("recall_at_5", 5), ("recall_at_10", 10), ("contain_at_50", 50)):
            assert entry(measured, metric, slice_name)["value"] == pytest.approx((own <= k).mean())
        contained = entry(measured, "contain_at_50", slice_name)["value"]
        eff = entry(measured, "eff_at_5", slice_name)["value"]
        assert eff == pytest.approx(entry(measured, "recall_at_5", slice_name)["value"] / contained)


def test_every_baseline_is_in_the_same_run(measured):
    names = {"last", "mean", "recency mean", "least squares", "recency + earlier", "ridge", "two-tower"}
    for metric in ("mrr", "recall_at_5", "contain_at_50", "eff_at_5"):
        for slice_name in scores.SLICES:
            assert {own["name"] for own in entry(measured, metric, slice_name)["baselines"]} == names
    assert {own["name"] for own in entry(measured, "cosine", "all")["baselines"]} == names


def test_the_lead_is_over_the_best_of_them(measured):
    contained, lead = (entry(measured, name, EXCLUDED) for name in ("contain_at_50", "contain_at_50_lead"))
    best = max(contained["baselines"], key=lambda own: own["value"])
    assert lead["value"] == pytest.approx(contained["value"] - best["value"])


def test_what_an_answer_depends_on_stands_beside_it(world, measured):
    details = measured["details"]
    assert details["candidates"] == (world.given.splits == "test").sum()
    assert details["encoder"] == "none"
    assert details["latency"]["threads"] == 1
    assert details["latency"]["index"]["nprobe"] == 3 != files.read_json(world.index / "manifest.json")["nprobe"]
    assert {"model", "search", "lookup", "index", "n"} < set(details["latency"])
    assert details["backward_margin"]["model"] < 0
    assert entry(measured, "p95_ms", "search")["value"] == details["latency"]["search"]["p95_ms"]


def test_the_gates_of_the_original_are_said_and_their_bars_are_flags(measured, capsys):
    args = argparse.Namespace(gate_contain50=0.0, gate_eff5=2.0, gate_r5=0.0, gate_p95=0.0)
    verdicts = seed_gates.judge(measured["metrics"], args)
    assert [own["passed"] for own in verdicts] == [True, False, True, False]
    assert capsys.readouterr().err.count("seed gate: ") == 4
    assert [own["bar"] for own in measured["details"]["seed_gates"]] == [0.60, 0.68, 0.40, 1.45]


def test_everything_but_the_clock_comes_back_the_same(world, measured, tmp_path):
    again = world.evaluate(tmp_path / "again.json", "--nprobe", 3, "--kinds", KINDS)

    def without_times(told: dict) -> str:
        kept = [own for own in told["metrics"] if own["metric"] != "p95_ms"]
        details = {key: value for key, value in told["details"].items() if key not in ("latency", "seed_gates")}
        points = details["index_configurations"].items()
        details["index_configurations"] = {name: point["recall_at_50"] for name, point in points}
        return json.dumps({**told, "metrics": kept, "details": details}, sort_keys=True)

    assert without_times(again) == without_times(measured)


def test_a_further_model_is_one_more_baseline(world, tmp_path):
    others = json.dumps({"AR only": str(world.model)})
    told = world.evaluate(
        tmp_path / "m.json",
        "--others",
        others,
        "--split",
        "validation",
        **{"eval-npz": world.folder / "validation.npz"},
    )
    (same,) = (own for own in entry(told, "mrr", EXCLUDED)["baselines"] if own["name"] == "AR only")
    assert (same["difference"], same["interval"]) == (0, [0, 0])
    assert told["evidence"]["others_sha256"] == {"AR only": files.sha256(world.model)}
    code = provenance.code_hash("eval_unified.py", "lib/mamba/evaluation.py")
    assert (told["evidence"]["code_sha256"], told["evidence"]["environment"]) == (code, provenance.environment())


def test_recall_of_every_kind_of_index_and_number_of_probes(world, measured):
    """Against brute force over all passages, as the tuned index is asked."""
    bench = Bench(world.given, windows.draw(world.given, "test", 5244, 1), np.arange(len(world.given)))
    model = predictor.load(world.model)
    queries, documents = bench.ask(model.queries, 0)[:5], bench.documents(model, bench.pool)  # as many as are timed
    truth = np.argsort(-(queries @ documents.T), axis=1)[:, :50]
    points = measured["details"]["index_configurations"]
    nlist = files.read_json(world.index / "manifest.json")["nlist"]
    assert nlist == 8
    probes = [1, 2, 3, 4, 8]  # doubling, and as many as the run's
    kinds = [f"IVF{nlist},Flat", f"IVF{nlist},SQ8,RFlat"]
    assert list(points) == ["Flat", *(f"{kind}, {nprobe} probes" for kind in kinds for nprobe in probes)]
    assert points["Flat"]["recall_at_50"] == points[f"IVF{nlist},Flat, {nlist} probes"]["recall_at_50"] == 1
    made = index.populated(documents, f"IVF{nlist},Flat", "inner_product", "test")
    for nprobe in probes:
        index.set_nprobe(made, nprobe)
        found = made.search(queries, 50)[1]
        share = np.mean([len(set(own) & set(true)) / 50 for own, true in zip(found, truth)])
        point = points[f"IVF{nlist},Flat, {nprobe} probes"]
        assert point["recall_at_50"] == pytest.approx(share)
        assert 0 < point["p50_ms"] <= point["p95_ms"]


def test_row_10_windows_of_training_articles_are_refused_and_others_counted(world, tmp_path):
    with pytest.raises(BadInput, match=r"train\.npz: none of \d+ windows is of test, expected articles unseen"):
        world.evaluate(tmp_path / "m.json", **{"eval-npz": world.folder / "train.npz"})
    rows = np.concatenate([windows.draw(world.given, split, 10, 1) for split in ("train", "test")])
    windows.write(tmp_path / "both.npz", world.given, rows, {})
    told = world.evaluate(tmp_path / "m.json", **{"eval-npz": tmp_path / "both.npz"})
    assert (told["details"]["windows_outside_split"], entry(told, "mrr", EXCLUDED)["n"]) == (10, 10)


def test_row_10_a_model_of_another_split_is_refused(world, tmp_path):
    other = tiny_articles.write_model(tmp_path / "other.ckpt", world.given)
    tiny_articles.rewrite_checkpoint(other, split_sha256="f" * 64)
    with pytest.raises(BadInput, match=r"other\.ckpt: made with split f{12}, the payload .* has "):
        world.evaluate(tmp_path / "m.json", checkpoint=other)
    assert not (tmp_path / "m.json").exists()


def test_row_8_an_index_of_another_model_or_payload(world, tmp_path):
    manifest = files.read_json(world.index / "manifest.json")
    files.write_json(world.index / "manifest.json", {**manifest, "model_sha256": "0"})
    with pytest.raises(BadInput, match=r"index\.faiss: built from another model than .*s\.ckpt"):
        world.evaluate(tmp_path / "m.json")
    files.write_json(world.index / "manifest.json", manifest)
    table = tiny_articles.table()
    fewer = tiny_articles.write_payload(tmp_path / "fewer", table.filter(table["article"] != tiny_articles.NAMES[0]))
    assert len(payload.load(fewer)) < len(world.given)
    with pytest.raises(BadInput, match=r"windows|targets|split"):
        world.evaluate(tmp_path / "m.json", payload=fewer)


def test_row_18_more_probes_than_lists(world, tmp_path):
    with pytest.raises(BadInput, match=r"nprobe 64, but the index has \d lists"):
        world.evaluate(tmp_path / "m.json", "--nprobe", 64)


def test_row_25_a_device_that_is_not_here(world, tmp_path):
    with pytest.raises(BadInput, match="device cuda: none here"):
        world.evaluate(tmp_path / "m.json", device="cuda")


# Use


def test_contain_and_efficiency_are_shares_of_questions():
    groups = np.arange(4)
    found = {own["metric"]: own for own in scores.of_ranks("s", {"model": np.array([1, 4, 6, 51])}, groups, 1)}
    values = {name: own["value"] for name, own in found.items()}
    expected = {
        "recall_at_1": 0.25,
        "recall_at_5": 0.5,
        "recall_at_10": 0.75,
        "contain_at_50": 0.75,
        "eff_at_5": 0.5 / 0.75,
    }
    assert {name: values[name] for name in expected} == pytest.approx(expected)
    assert values["mrr"] == pytest.approx(metrics.reciprocal_rank(np.array([1, 4, 6, 51])).mean())
