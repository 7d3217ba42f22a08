"""lib.tickets.evaluation on the little tickets: the figures of metrics.json against a second way to each of them."""

import argparse
import json
import shutil

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score
from tiny_tickets import tickets, write_data

from lib import config, files
from lib.errors import BadInput, BrokenModel
from lib.tickets import adversarial, corpus, evaluation, lexical, model, saving

DIMS = (32, 16, 8)


class Case:
    """One evaluation, and what its figures are made of."""

    def __init__(self, world) -> None:
        self.world, self.tickets = world, world.tickets
        self.args = argparse.Namespace(
            model=world.saved, data=world.data, pairs=world.pairs, split="test", corpus=0, judged_pairs=40, seed=1
        )
        self.metrics = evaluation.measure(self.args)
        encode = {"model": saving.load(world.saved), "raw": model.encoder_of(world.encoder, world.shape())}
        self.vectors = {name: encoder(self.tickets.masked) for name, encoder in encode.items()}
        self.own = self.tickets.rows("test")

    def entry(self, metric: str, slice_name: str) -> dict:
        (found,) = (e for e in self.metrics["metrics"] if (e["metric"], e["slice"]) == (metric, slice_name))
        return found

    def value(self, metric: str, slice_name: str, of: str = "model") -> float:
        entry = self.entry(metric, slice_name)
        return {"model": entry["value"], **{b["name"]: b["value"] for b in entry["baselines"]}}[of]

    def pairs(self, split: str) -> adversarial.Labelled:
        return adversarial.random_pairs(self.tickets.groups, self.tickets.rows(split), 40, 1)

    def scores(self, of: str, drawn: adversarial.Labelled, dim: int) -> np.ndarray:
        cut = self.vectors[of][:, :dim] / np.linalg.norm(self.vectors[of][:, :dim], axis=1, keepdims=True)
        return (cut[drawn.left] * cut[drawn.right]).sum(axis=1)


@pytest.fixture(scope="module")
def case(world):
    return Case(world)


def named(dim: int) -> str:
    return "masked" if dim == 32 else f"masked at {dim} dims"


def test_metrics_are_of_the_schema_and_of_every_width(case):
    config.check(case.metrics, "metrics", "metrics.json")
    assert (case.metrics["dataset"], case.metrics["details"]["candidates"]) == ("tiny", 68)
    found = {(entry["metric"], entry["slice"]) for entry in case.metrics["metrics"]}
    for way in ("masked", "unmasked"):
        for name in (way, f"{way} at 16 dims", f"{way} at 8 dims"):
            wanted = ("map", "recall_at_10", "roc_auc", "spearman", "f1", "mean_difference", "cohens_d")
            assert {(metric, name) for metric in wanted} <= found
            assert (("map_kept", name) in found) == (name != way)
    assert {("forgetting", "foreign"), ("roc_auc", "adversarial"), ("roc_auc", "legacy adversarial")} <= found


@pytest.mark.parametrize("of", ["model", "raw"])
@pytest.mark.parametrize("dim", DIMS)
def test_map_is_sklearns_over_all_tickets_but_the_query(case, of, dim):
    cut = case.vectors[of][:, :dim] / np.linalg.norm(case.vectors[of][:, :dim], axis=1, keepdims=True)
    found, groups = [], case.tickets.groups
    for query in case.own:
        others = np.arange(len(groups)) != query
        found.append(average_precision_score((groups == groups[query])[others], (cut @ cut[query])[others]))
    assert case.entry("map", named(dim))["n"] == len(case.own) == 18
    assert case.value("map", named(dim), of) == pytest.approx(np.mean(found), abs=1e-6)


@pytest.mark.parametrize("dim", DIMS)
def test_what_the_head_alone_gives_is_a_baseline(case, dim):
    """The raw encoder under the saved head: the model's lead over it is what the adapters learnt."""
    tokenizer, encoder = case.world.fresh()
    headed = model.encode(encoder.base, model.tokenize(tokenizer, case.tickets.masked, encoder.shape), encoder.head)
    headed = headed[:, :dim]
    cut, groups, found = headed / np.linalg.norm(headed, axis=1, keepdims=True), case.tickets.groups, []
    for query in case.own:
        others = np.arange(len(groups)) != query
        found.append(average_precision_score((groups == groups[query])[others], (cut @ cut[query])[others]))
    assert case.value("map", named(dim), "raw with head") == pytest.approx(np.mean(found), abs=1e-6)


def test_tfidf_sees_the_same_masked_texts(case):
    matrix, groups = lexical.tfidf(case.tickets.masked).toarray(), case.tickets.groups
    found = []
    for query in case.own:
        order = np.lexsort((groups == groups[query], -(matrix @ matrix[query])))  # ties count against the relevant
        hits = (groups == groups[query])[order[order != query]]
        found.append((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())
    for dim in DIMS:
        assert case.value("map", named(dim), "TF-IDF") == pytest.approx(np.mean(found), abs=1e-6)


@pytest.mark.parametrize("of", ["model", "raw"])
def test_pairs_are_judged_as_sklearn_does_with_the_threshold_of_validation(case, of):
    test, validation = case.pairs("test"), case.pairs("validation")
    assert case.value("roc_auc", "masked", of) == pytest.approx(roc_auc_score(test.label, case.scores(of, test, 32)))
    scores = case.scores(of, validation, 32)
    threshold = max(scores, key=lambda t: (f1_score(validation.label, scores >= t), t))
    expected = f1_score(test.label, case.scores(of, test, 32) >= threshold)
    assert case.value("f1", "masked", of) == pytest.approx(expected)
    assert case.value("f1", "masked", "always positive") == pytest.approx(2 / 3)


def test_kept_is_the_share_of_the_full_widths_map(case):
    for of in ("model", "raw"):
        expected = case.value("map", "masked at 8 dims", of) / case.value("map", "masked", of)
        assert case.value("map_kept", "masked at 8 dims", of) == pytest.approx(expected)


def test_forgetting_is_the_loss_of_map_on_the_foreign_domain(case):
    foreign = case.metrics["details"]["foreign"]
    assert case.value("forgetting", "foreign") == pytest.approx(foreign["raw_map"] - foreign["model_map"])
    assert case.entry("forgetting", "foreign")["n"] == 12


def test_words_mislead_on_the_adversarial_pairs_and_decide_the_legacy_ones(case):
    assert case.value("roc_auc", "adversarial", "TF-IDF") < 0.5
    assert case.value("roc_auc", "legacy adversarial", "TF-IDF") == 1.0
    assert all(
        set(row) == {"model", "raw", "raw with head", "TF-IDF", "pairs"}
        for row in case.metrics["details"]["auc_by_overlap"].values()
    )


def test_a_small_corpus_keeps_the_queries_then_the_tickets_of_thresholds(case):
    """However small it is to be: without pairs of the other split there is no threshold."""
    for size in (5, 30):
        rows = corpus.draw(case.tickets, "test", "validation", size, seed=1)
        assert set(case.own) | set(case.tickets.rows("validation")) == set(rows)
    assert corpus.draw(case.tickets, "test", "validation", 0, seed=1).tolist() == list(range(68))


def test_of_many_tickets_for_thresholds_some_are_enough(case, monkeypatch):
    monkeypatch.setattr(corpus, "CHOOSING", 4)
    rows = corpus.draw(case.tickets, "test", "validation", 5, seed=1)
    assert set(case.own) < set(rows)
    assert len(set(rows) & set(case.tickets.rows("validation"))) == 4 == len(rows) - len(case.own)


def test_the_same_inputs_give_the_same_figures(case):
    assert evaluation.measure(case.args) == case.metrics


def test_evidence_names_what_was_measured(case):
    evidence = case.metrics["evidence"]
    for name in ("model", "data", "pairs"):
        assert evidence[f"{name}_sha256"] == files.sha256(getattr(case.args, name))
    assert evidence["model"]["r"] == 4
    json.dumps(evidence)


def test_tickets_without_words_to_mask_are_measured_once(world, tmp_path):
    data = write_data(tmp_path / "data", tickets().with_columns(masked="text"))
    metrics = evaluation.measure(argparse.Namespace(**{**vars(Case(world).args), "data": data}))
    assert not [entry for entry in metrics["metrics"] if entry["slice"].startswith("unmasked")]


def test_a_model_that_is_the_base_is_no_result(case, tmp_path):
    """What the original measured: the base under the model's name."""
    _, encoder = case.world.fresh()
    saving.save(tmp_path / "model", encoder, {"weight": 1.0})
    with pytest.raises(BrokenModel, match=r"model: cosines differ from the base's by .*: the adapters have no effect$"):
        evaluation.measure(argparse.Namespace(**{**vars(case.args), "model": tmp_path / "model"}))


def test_row_10_a_ticket_that_judges_and_has_taught(case, tmp_path):
    """In any order of words; the pairs may come from anywhere."""
    shutil.copy(case.world.pairs, tmp_path / "pairs.json")
    given = files.read_json(tmp_path / "pairs.json")
    text = case.tickets.texts[case.own[0]]
    given["texts2"][3] = " ".join(reversed(text.split()))
    files.write_json(tmp_path / "pairs.json", given)
    said = rf"pairs\.json: 1 texts are tickets of another split, the first is '{given['texts2'][3]}' of test$"
    with pytest.raises(BadInput, match=said):
        evaluation.measure(argparse.Namespace(**{**vars(case.args), "pairs": tmp_path / "pairs.json"}))
