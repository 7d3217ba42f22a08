"""Measure a ticket encoder against the raw encoder and TF-IDF on labels that training never saw.

Called by eval_unified.py. Every distinct text is encoded once, all figures of a table come from one run
on the same queries and pairs. The gate reads masked text: the words of a ticket's own label are gone.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import files, metrics
from . import adversarial, corpus, dataset, judged, leaks, pairs, retrieval, saving
from .corpus import HEADED, MODEL, RAW, View
from .dataset import Tickets

Rows = NDArray[np.int64]
Entries = list[dict[str, Any]]
MASKED, UNMASKED = "masked", "unmasked"
THRESHOLDS_FROM = {"test": "validation", "validation": "train"}  # whose pairs choose the threshold of F1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, required=True, help="folder made by train_tickets.py")
    parser.add_argument("--data", type=Path, required=True, help="folder made by prepare_tickets.py")
    parser.add_argument("--pairs", type=Path, required=True, help="what the model was trained on")
    parser.add_argument("--split", choices=tuple(THRESHOLDS_FROM), default="test", help="whose tickets are queries")
    parser.add_argument("--corpus", type=int, default=0, help="tickets to search, the split's own always; 0 takes all")
    parser.add_argument("--judged-pairs", type=int, default=2000, help="pairs of each kind of comparison")
    parser.add_argument("--seed", type=int, default=1, help="of corpus, pairs and bootstrap")


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """The metrics.json of one model on one split."""
    tickets = dataset.load(args.data)
    leaks.refuse(pairs.read(args.pairs), tickets, args.pairs)
    about = saving.about(args.model)
    encode = corpus.systems(args.model, about["shape"])
    bench = Bench(tickets, args)
    seen = corpus.views(_told(tickets, bench.rows), encode)
    vectors = seen[MASKED].vectors
    saving.require_change(vectors.get(HEADED, vectors[RAW]), vectors[MODEL], str(args.model))

    entries = [entry for name, view in seen.items() for entry in bench.told(name, view, about["dims"])]
    hard, by_overlap = bench.misled(seen[MASKED], about["dims"][0])
    forgetting, foreign = _forgetting(tickets, encode, args.seed)
    details = {"queries": len(bench.queries), "candidates": len(bench.rows), "weight": about["weight"]}
    return {
        "schema": 1,
        "pipeline": "tickets",
        "dataset": tickets.source["source"],
        "source": tickets.source["said"],
        "metrics": [*entries, *hard, forgetting],
        "details": {**details, "auc_by_overlap": by_overlap, "foreign": foreign},
        "evidence": _evidence(args, tickets, about),
    }


class Bench:
    """Queries, candidates and pairs of one evaluation, as positions in `rows`; `groups` are their labels."""

    def __init__(self, tickets: Tickets, args: argparse.Namespace) -> None:
        self.seed, self.n = args.seed, args.judged_pairs
        also = THRESHOLDS_FROM[args.split]
        self.rows = corpus.draw(tickets, args.split, also, args.corpus, args.seed)
        self.groups = tickets.groups[self.rows]
        self.own, thresholds = (np.flatnonzero(np.isin(self.rows, tickets.rows(split))) for split in (args.split, also))
        self.queries = retrieval.askable(self.groups, self.own)
        test, validation = (
            adversarial.random_pairs(self.groups, rows, self.n, self.seed) for rows in (self.own, thresholds)
        )
        self.judge = judged.judge(test, validation, self.groups, self.seed)

    def told(self, name: str, view: View, dims: list[int]) -> Entries:
        """Retrieval and pairs at every width; the full one bears the slice's plain name."""
        entries: Entries = []
        found: dict[str, dict[str, retrieval.Retrieved]] = {}
        for dim in dims:
            slice_name = name if dim == dims[0] else f"{name} at {dim} dims"
            found[slice_name] = self._retrieve(view, dim, found.get(name, {}))
            entries += self._retrieval(slice_name, found[slice_name])
            entries += self.judge.entries(view.scores(dim), slice_name)
            if dim != dims[0]:
                entries.append(self._kept(slice_name, found[name], found[slice_name]))
        return entries

    def _retrieve(self, view: View, dim: int, full: dict[str, retrieval.Retrieved]) -> dict[str, retrieval.Retrieved]:
        """What each system finds; words have no width, so TF-IDF searches once."""
        searched = view.similarities(dim)
        known = {corpus.TFIDF: full[corpus.TFIDF]} if full else {}
        return {n: known.get(n) or retrieval.retrieve(s, self.groups, self.queries) for n, s in searched.items()}

    def _retrieval(self, slice_name: str, found: dict[str, retrieval.Retrieved]) -> Entries:
        labels = self.groups[self.queries]
        entries = []
        for metric, field in (("map", "average_precision"), ("recall_at_10", "recall")):
            own, *others = ((name, getattr(of, field)) for name, of in found.items())
            entries.append(metrics.compare(metric, slice_name, own[1], dict(others), labels, self.seed))
        return entries

    def _kept(self, slice_name: str, full: dict, cut: dict) -> dict[str, Any]:
        """Share of the full width's MAP that the first numbers keep, of the model and of the raw encoder."""
        columns = [of[name].average_precision for name in (MODEL, RAW) for of in (cut, full)]
        table = np.stack(columns, axis=1)  # (q, 4)
        samples = metrics.resampled_means(table, self.groups[self.queries], self.seed)
        values, drawn = (means[..., 0::2] / means[..., 1::2] for means in (table.mean(axis=0), samples))
        return metrics.entry("map_kept", slice_name, len(table), values, drawn, [RAW])

    def misled(self, view: View, dim: int) -> tuple[Entries, dict[str, Any]]:
        """Pairs that words mislead, the seed's own definition beside them, and AUC by decile of overlap."""
        given = (self.groups, self.own, view.words, self.n, self.seed)
        kinds = {"adversarial": adversarial.adversarial_pairs, "legacy adversarial": adversarial.legacy_pairs}
        systems = view.scores(dim)
        entries = [self._auc(kind(*given), systems, name) for name, kind in kinds.items()]
        by_overlap = {}
        for decile in adversarial.overlap_deciles(*given):
            row = self._auc(decile.pairs, systems, "")
            values = {MODEL: row["value"], **{baseline["name"]: baseline["value"] for baseline in row["baselines"]}}
            by_overlap[f"{decile.low:.2f} to {decile.high:.2f}"] = {**values, "pairs": row["n"]}
        return entries, by_overlap

    def _auc(self, drawn: adversarial.Labelled, systems: dict[str, judged.Score], slice_name: str) -> dict[str, Any]:
        return judged.judge(drawn, drawn, self.groups, self.seed).auc(systems, slice_name)


def _told(tickets: Tickets, rows: Rows) -> dict[str, list[str]]:
    """The texts of the rows, masked and as they are; once where there was nothing to mask."""
    masked, whole = ([texts[row] for row in rows] for texts in (tickets.masked, tickets.texts))
    return {MASKED: masked} if masked == whole else {MASKED: masked, UNMASKED: whole}


def _forgetting(tickets: Tickets, encode: corpus.Systems, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """How far MAP on the foreign domain has fallen below the raw encoder's."""
    groups = tickets.foreign_groups
    queries = retrieval.askable(groups)
    found = {}
    for name, vectors in encode(tickets.foreign_texts).items():
        found[name] = retrieval.retrieve(retrieval.by_cosine(vectors), groups, queries).average_precision
    lost, nothing = found[RAW] - found[MODEL], np.zeros(len(queries))
    entry = metrics.compare("forgetting", "foreign", lost, {RAW: nothing}, groups[queries], seed)
    return entry, {f"{name}_map": float(values.mean()) for name, values in found.items()}


def _evidence(args: argparse.Namespace, tickets: Tickets, about: dict[str, Any]) -> dict[str, Any]:
    """What would have to be the same for the same figures."""
    return {
        "model_sha256": files.sha256(args.model),
        "data_sha256": files.sha256(args.data),
        "pairs_sha256": files.sha256(args.pairs),
        "split": args.split,
        "split_sha256": tickets.source["split"]["sha256"],
        "seed": args.seed,
        "device": "cpu",
        "model": vars(about["shape"]),
    }
