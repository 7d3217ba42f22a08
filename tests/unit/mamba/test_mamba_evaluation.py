"""eval_unified.py mamba and what leads to it, through the real scripts, with every flag of the original's command."""

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
import tiny_articles
from in_process import run
from tiny_naics import write_encoder

from lib import config, files, index, metrics, provenance
from lib.errors import BadInput
from lib.mamba import payload, predictor, ranking, scores, seed_gates, windows
from lib.mamba.ranking import EXCLUDED, Bench

KINDS = '["Flat", "IVF{nlist},Flat", "IVF{nlist},SQ8,RFlat"]'
TOWERS = ["--steps", 3, "--learning-rate", 0.01, "--rank", 4, "--batch-size", 16, "--seed", 1]


class World:
    """A payload, a model that averages, baselines, index and windows, as the chain makes them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.payload = tiny_articles.write_payload(folder / "payload")
        self.given = payload.load(self.payload)
        self.model = tiny_articles.write_model(folder / "s.ckpt", self.given)
        places = ["--payload", self.payload, "--state", folder / "state", "--out", folder / "baselines.ckpt"]
        run("fit_baselines.py", *places, *TOWERS)
        self.index = self.indexed("index", "IVF{nlist},SQfp16", "--nlist", "[2, 8]", "--k", 20)
        for split in ("validation", "test", "train"):
            run("export_windows.py", "--payload", self.payload, "--split", split, "--out", folder / f"{split}.npz")

    def indexed(self, name: str, factory: str, *more: object) -> Path:
        passages, queries, out = (self.folder / f"{name}.{part}" for part in ("passages", "queries", "faiss"))
        run("embed_passages.py", *self.sources(), "--queries", queries, "--out", passages)
        run(
            "build_faiss_index.py",
            "--vectors",
            passages,
            "--queries",
            queries,
            "--factory",
            factory,
            *more,
            "--out",
            out,
        )
        return out

    def sources(self) -> list[object]:
        return ["--checkpoint", self.model, "--payload", self.payload]

    def evaluate(self, out: Path, *more: object, **changes: object) -> dict:
        places = {
            "eval-npz": self.folder / "test.npz",
            "faiss": self.index,
            "baselines": self.folder / "baselines.ckpt",
        }
        places |= {"checkpoint": self.model, "payload": self.payload, "device": "cpu", "limit": 5244, "out": out}
        flags = [word for flag, value in (places | changes).items() for word in (f"--{flag}", value)]
        run("eval_unified.py", "mamba", *flags, "--timed", 5, *more)
        return files.read_json(out)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("mamba-evaluation"))


@pytest.fixture(scope="module")
def measured(world):
    gates = ["--gate-contain50", 0.60, "--gate-eff5", 0.68, "--gate-r5", 0.40, "--gate-p95", 1.45]
    return world.evaluate(world.folder / "metrics.json", "--nprobe", 3, "--kinds", KINDS, *gates)


def entry(measured: dict, metric: str, slice_name: str) -> dict:
    (found,) = (own for own in measured["metrics"] if (own["metric"], own["slice"]) == (metric, slice_name))
    return found


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


def test_the_bars_of_the_configuration_can_be_judged(measured):
    import yaml

    from lib import gates

    bars = yaml.safe_load((Path(__file__).parents[3] / "config" / "mamba.yaml").read_text())["gates"]["mamba"]
    report = gates.judge({**measured, "dataset": "wikipedia"}, bars)
    config.check(report, "gate")
    assert not report["passed"]  # an untrained model leads over nothing


def test_the_picture_says_in_words_what_it_draws(world, measured, tmp_path):
    run("report_mamba.py", "--metrics", world.folder / "metrics.json", "--out", tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    last = measured["details"]["recall_at_5_by_pool_size"]["recall_at_5"]["two-tower"][-1]
    assert "two-tower " in text
    assert f"{last:.3f}" in text


def test_recall_of_every_kind_of_index_and_number_of_probes(world, measured):
    """Against brute force over all passages, as the tuned index is asked."""
    bench = Bench(world.given, windows.draw(world.given, "test", 5244, 1), np.arange(len(world.given)))
    model = predictor.load(world.model)
    queries, documents = bench.ask(model.queries, 0)[:5], bench.documents(model)  # as many as are timed
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
    with pytest.raises(
        BadInput, match=r"m\.json: no index configurations, expected eval_unified\.py mamba to have --kinds"
    ):
        run("report_mamba_index.py", "--metrics", tmp_path / "m.json", "--out", tmp_path / "b.svg")


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


def test_passages_that_follow_a_text_are_the_nearest_to_its_query(tmp_path, capsys):
    """Through the real encoder path: the payload's own chunks, asked for as a text."""
    data = tiny_articles.write_data(tmp_path / "data")
    write_encoder(tmp_path / "encoder")
    how = ["--encoder", tmp_path / "encoder", "--max-length", 64]
    run("embed_articles.py", "--data", data, *how, "--state", tmp_path / "state", "--out", tmp_path / "shard")
    run("merge_payload.py", tmp_path / "shard", "--data", data, "--out", tmp_path / "payload")
    given = payload.load(tmp_path / "payload")
    model = tiny_articles.write_model(tmp_path / "s.ckpt", given, given.vectors.shape[1])
    places = ["--checkpoint", model, "--payload", tmp_path / "payload"]
    run("embed_passages.py", *places, "--queries", tmp_path / "queries", "--out", tmp_path / "passages")
    run("build_faiss_index.py", "--vectors", tmp_path / "passages", "--out", tmp_path / "index")
    (tmp_path / "text.txt").write_text("\n\n".join(given.texts[:6]))
    capsys.readouterr()
    run(
        "predict_next.py", "--text", tmp_path / "text.txt", *places, "--index", tmp_path / "index", "--top", 3, "--json"
    )
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    bench = Bench(given, np.array([6]), np.arange(len(given)))
    query = bench.ask(predictor.load(model).queries, 0)[0]
    expected = np.argsort(-(given.vectors @ query), kind="stable")[:3]
    assert [own["id"] for own in found] == [given.ids[row] for row in expected]
    assert [own["score"] for own in found] == pytest.approx((given.vectors @ query)[expected], abs=2e-4)
    (tmp_path / "text.txt").write_text("short")
    with pytest.raises(BadInput, match=r"text\.txt: no chunk of 20 characters or more"):
        run("predict_next.py", "--text", tmp_path / "text.txt", *places, "--index", tmp_path / "index")


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


def test_the_model_card_is_filled_from_the_gate(world, measured, tmp_path):
    import yaml

    folder = Path(__file__).parents[3]
    bars = yaml.safe_load((folder / "config" / "mamba.yaml").read_text())["gates"]["mamba"]
    metrics_of = ["--metrics", world.folder / "metrics.json"]
    run("gate.py", *metrics_of, "--bars", json.dumps(bars), "--out", tmp_path / "gate.json")
    template = folder / "scripts" / "lib" / "mamba" / "card.md"
    run(
        "report_card.py",
        "--gate",
        tmp_path / "gate.json",
        *metrics_of,
        "--template",
        template,
        "--out",
        tmp_path / "a.md",
    )
    card = (tmp_path / "a.md").read_text()
    assert f"each of their {measured['details']['candidates']} chunks" in card
    assert "$" not in card
