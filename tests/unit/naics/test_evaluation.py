"""lib.naics.evaluation on the little NAICS: the figures of metrics.json against a second way to each of them."""

import argparse

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier
from tiny_naics import World

from lib import config, files
from lib.naics import evaluation, validation
from lib.naics.embed import embed_codes, embed_descriptions
from lib.naics.relations import tree_distance


class Case:
    """One evaluation, and what its figures are made of."""

    def __init__(self, folder) -> None:
        self.world, self.data = (world := World(folder)), world.data
        self.model = world.model()
        checkpoint, vectors = world.stage("stage3", self.model)
        self.args = argparse.Namespace(
            checkpoint=checkpoint, vectors=vectors, raw=world.raw, data=folder / "data", split="test", seed=1
        )
        self.metrics = evaluation.measure(self.args)
        self.leaves = np.flatnonzero(self.data.taxonomy.level == 6)
        self.queries, self.truth = self.data.role("test")
        self.known, self.owners = self.data.known()
        self.raw = world.frozen()[1]
        self.vectors = world.bank().encode_all(self.model.encode)

    def value(self, metric: str, slice_name: str, of: str = "model") -> float:
        (entry,) = (e for e in self.metrics["metrics"] if (e["metric"], e["slice"]) == (metric, slice_name))
        return {"model": entry["value"], **{b["name"]: b["value"] for b in entry["baselines"]}}[of]

    def rows(self, texts: list[str]) -> np.ndarray:
        return self.data.query_rows(texts)


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    return Case(tmp_path_factory.mktemp("little-naics"))


def share_of_held_out(case, right: np.ndarray) -> tuple[float, float]:
    return right.mean(), right[case.data.taxonomy.held_out[case.truth]].mean()


def both_slices(case, of: str) -> tuple[float, float]:
    return tuple(case.value("recall_at_1", name, of) for name in ("entries", "entries of held-out families"))


def test_metrics_are_of_the_schema(case):
    config.check(case.metrics, "metrics", "metrics.json")
    assert case.metrics["details"]["queries"] == 31
    assert case.metrics["details"]["candidates"] == 31
    slices = {entry["slice"]: entry["n"] for entry in case.metrics["metrics"] if entry["metric"] == "recall_at_1"}
    assert slices == {"entries": 31, "entries of held-out families": 4}


def test_the_models_recall_is_that_of_its_own_distances(case):
    head, vectors = case.model.head, case.vectors
    with torch.no_grad():
        points = embed_codes(head, vectors, case.data.texts)
        asked, known = (embed_descriptions(head, vectors, case.rows(t)) for t in (case.queries, case.known))
        to_codes = case.model.head.geometry.rowwise(asked[:, None], points[None, case.leaves]).numpy()
        to_known = case.model.head.geometry.rowwise(asked[:, None], known[None]).numpy()
    nearest = [
        np.minimum(own, to_known[:, case.owners == leaf].min(axis=1)) for own, leaf in zip(to_codes.T, case.leaves)
    ]
    best = case.leaves[(to_codes + np.array(nearest).T).argmin(axis=1)]
    assert both_slices(case, "model") == pytest.approx(share_of_held_out(case, best == case.truth))
    alone = case.leaves[to_codes.argmin(axis=1)]
    assert both_slices(case, "model without entries") == pytest.approx(share_of_held_out(case, alone == case.truth))


def test_1_nn_is_sklearns_over_entries_titles_and_descriptions(case):
    known, labels = [case.raw[3][case.rows(case.known)]], [case.owners]
    assert {case.data.taxonomy.nodes[leaf].title for leaf in case.leaves} <= set(case.known)
    for leaf in case.leaves:
        if text := case.data.taxonomy.nodes[leaf].description:
            known.append(case.raw[1][[case.data.texts[1].texts.index(text)]])
            labels.append([leaf])
    nearest = KNeighborsClassifier(1, metric="cosine").fit(np.concatenate(known), np.concatenate(labels))
    right = nearest.predict(case.raw[3][case.rows(case.queries)]) == case.truth
    assert both_slices(case, "1-NN") == pytest.approx(share_of_held_out(case, right))


def test_raw_codes_are_the_mean_of_title_and_description(case):
    codes = []
    for leaf in case.leaves:
        node = case.data.taxonomy.nodes[leaf]
        texts = [(0, node.title), (1, node.description)] if node.description else [(0, node.title)]
        total = sum(case.raw[channel][case.data.texts[channel].texts.index(text)] for channel, text in texts)
        codes.append(total / np.linalg.norm(total))
    best = case.leaves[(case.raw[3][case.rows(case.queries)] @ np.array(codes).T).argmax(axis=1)]
    assert both_slices(case, "raw") == pytest.approx(share_of_held_out(case, best == case.truth))


def test_correlation_is_of_trained_codes_with_all_codes(case):
    with torch.no_grad():
        points = embed_codes(case.model.head, case.vectors, case.data.texts)
        distances = case.model.head.geometry.rowwise(points[:, None], points[None]).numpy()
    trained = ~case.data.taxonomy.held_out
    others = ~np.eye(len(trained), dtype=bool)[trained]
    tree = tree_distance(case.data.taxonomy)[trained][others]
    expected = np.corrcoef(distances[trained][others], tree)[0, 1]
    assert case.value("pearson_tree_distance", "trained codes") == pytest.approx(expected, abs=1e-5)


def test_the_score_that_chooses_a_checkpoint(case):
    """MRR of validation descriptions of trained families by code points alone, rank by rank."""
    queries, truth = case.data.role("validation", trained_only=True)
    assert len(queries) == 27
    with torch.no_grad():
        points = embed_codes(case.model.head, case.vectors, case.data.texts)[case.leaves]
        asked = embed_descriptions(case.model.head, case.vectors, case.rows(queries))
        distances = case.model.head.geometry.rowwise(asked[:, None], points[None]).numpy()
        score = validation.scorer(case.model, case.world.bank(), case.data)()
    ranks = [list(case.leaves[np.argsort(row)]).index(code) + 1 for row, code in zip(distances, truth)]
    assert score == pytest.approx(np.mean(1 / np.array(ranks)))


def test_evidence_names_what_was_measured(case):
    evidence = case.metrics["evidence"]
    assert evidence["model_sha256"] == files.sha256(case.args.checkpoint)
    assert evidence["data_sha256"] == files.sha256(case.args.data)
    assert evidence["vectors_sha256"] == files.sha256(case.args.vectors)
    assert evidence["raw_sha256"] == files.sha256(case.args.raw)
    assert (evidence["split"], evidence["seed"], evidence["device"]) == ("test", 1, "cpu")
    assert case.metrics["details"]["norm_violation"] <= 1e-5


def test_the_same_inputs_give_the_same_figures(case):
    assert evaluation.measure(case.args) == case.metrics
