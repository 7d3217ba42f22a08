"""Retrieval of known pairs like a new one: a FAISS index (L2) over the training pairs and nothing else.

A pair lies where the mean of its two title vectors lies, so the order of its titles does not matter. A pair never finds
itself nor any pair that shares a contract or an event with it: their correlations would tell its own, and of what is
asked later no contract or event is known.

    rag = SemanticRAG(folder)
    rag.build_index(embeddings, metadata)       # (n, d) and n dicts with the keys METADATA
    rag.save()
    rag = SemanticRAG(folder).load()
    pairs, distances = rag.search(query, k=5)   # of one query (d,), nearest first
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from .. import files, index, seeds, vectors
from ..errors import BadInput
from ..near import normalized
from .dataset import Pairs
from .titles import Matrix, TitleVectors, pair_keys, title_vectors

Json = dict[str, Any]
Key = tuple[str, str]
METADATA = ("id", "a", "b", "a_title", "b_title", "correlation")
EVENTS = ("a_event", "b_event")  # known of pairs that prepare_contracts.py made
VECTORS, INDEX, PAIRS = "vectors", "index", "pairs.json"


class SemanticRAG:
    """Pairs with their vectors in memory; `save` and `load` keep them in `folder`, verified by hash."""

    def __init__(self, folder: Path, encoder: str = "minilm") -> None:
        self.folder, self.encoder = Path(folder), encoder
        self.metadata: list[Json] = []
        self.titles: TitleVectors | None = None

    def build_index(self, embeddings: Matrix, metadata: Sequence[Json]) -> None:
        """BadInput when a row is not finite, lacks a key, or an id stands twice."""
        for number, row in enumerate(metadata):
            if missing := [key for key in METADATA if key not in row]:
                raise BadInput(f"{self.folder}: row {number}: missing {missing[0]}, expected {', '.join(METADATA)}")
        vectors.check(embeddings, [row["id"] for row in metadata], str(self.folder))
        self.embeddings = np.ascontiguousarray(embeddings, dtype=np.float32)
        self._hold([{key: row[key] for key in (*METADATA, *EVENTS) if key in row} for row in metadata])

    def _hold(self, metadata: list[Json]) -> None:
        self.index = faiss.IndexFlatL2(self.embeddings.shape[1])
        self.index.add(self.embeddings)
        self.metadata = metadata
        self.event: dict[Key, Key] = {}
        for row in metadata:
            for side in "ab":
                for key in _names(row[side], row[f"{side}_title"]):
                    self.event[key] = ("event", str(row.get(f"{side}_event", row[side])))
        self.keys = [self._keys(row["a"], row["b"], row["a_title"], row["b_title"]) for row in metadata]
        self.uses = Counter(key for keys in self.keys for key in keys)

    def _keys(self, a: str | None, b: str | None, a_title: str, b_title: str) -> frozenset[Key]:
        """What a pair may share with another: contracts by id and by the words of their titles, and their events."""
        names = [*_names(a, a_title), *_names(b, b_title)]
        events = [self.event[name] for name in names if name in self.event]
        return frozenset([*names, *events])

    def save(self) -> None:
        """Write vectors, index and pairs to the folder, all or nothing."""
        with files.writing(self.folder) as temporary:
            temporary.mkdir()
            ids = [row["id"] for row in self.metadata]
            vectors.save(temporary / VECTORS, self.embeddings, ids, {"encoder": self.encoder})
            index.build(temporary / VECTORS, "Flat", "l2", temporary / INDEX)
            files.write_json(temporary / PAIRS, self.metadata)
            vectors.write_manifest(temporary, (PAIRS,), {"encoder": self.encoder, "n": len(ids)})

    def load(self) -> "SemanticRAG":
        """Read the folder, every file checked against its manifest."""
        about = vectors.read_manifest(self.folder, (PAIRS,))
        stored, ids, _ = vectors.load(self.folder / VECTORS)
        found = index.Index(self.folder / INDEX)
        metadata = files.read_json(self.folder / PAIRS)
        if not ids == found.ids == [row["id"] for row in metadata]:
            raise BadInput(f"{self.folder}: vectors, index and {PAIRS} are of different pairs, expected the same ids")
        self.encoder, self.embeddings = about["encoder"], np.asarray(stored, dtype=np.float32)
        self._hold(metadata)
        return self

    def search(self, query: Matrix, k: int) -> tuple[list[Json], NDArray[np.float32]]:
        """The k nearest pairs of a query `(d,)` and their L2 distances `(k,)`, nearest first."""
        distances, rows = self._nearest(np.asarray(query, dtype=np.float32)[None], k)
        return [self.metadata[row] for row in rows[0]], distances[0]

    def neighbours(
        self,
        a_titles: Sequence[str],
        b_titles: Sequence[str],
        k: int,
        a_ids: Sequence[str | None] | None = None,
        b_ids: Sequence[str | None] | None = None,
    ) -> list[list[Json]]:
        """For each of n pairs its k nearest known ones, nearest first: METADATA and `distance`.

        Pairs that share a contract with it, by id or by the words of a title, or an event are left out; fewer than
        k come back where no more are left.
        """
        if not k:
            return [[] for _ in a_titles]
        a_known, b_known = a_ids or [None] * len(a_titles), b_ids or [None] * len(b_titles)
        asked = [self._keys(*row) for row in zip(a_known, b_known, a_titles, b_titles)]
        spare = max((sum(self.uses[key] for key in keys) for keys in asked), default=0)
        distances, rows = self._nearest(self.embed(a_titles, b_titles), min(k + spare, len(self.metadata)))
        return [
            [
                {**self.metadata[row], "distance": float(distance)}
                for row, distance in zip(found, far)
                if not self.keys[row] & keys
            ][:k]
            for found, far, keys in zip(rows, distances, asked)
        ]

    def embed(self, a_titles: Sequence[str], b_titles: Sequence[str]) -> Matrix:
        """Where pairs lie, `(n, d)`."""
        self.titles = self.titles or title_vectors(self.encoder)
        return pair_keys(self.titles(a_titles), self.titles(b_titles))

    def _nearest(self, queries: Matrix, k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        if queries.shape[1] != self.index.d:
            raise BadInput(f"{self.folder}: queries are {queries.shape[1]} wide, the index {self.index.d}")
        if k > self.index.ntotal:
            raise BadInput(f"{self.folder}: {k} neighbours asked for, the index holds {self.index.ntotal}")
        squared, rows = self.index.search(np.ascontiguousarray(queries), k)
        return np.sqrt(np.maximum(squared, 0)), rows


class Drawn(SemanticRAG):
    """Known pairs drawn by lot instead of the nearest: what a model owes to retrieval is its lead over this."""

    def __init__(self, source: SemanticRAG, seed: int) -> None:
        self.__dict__.update(source.__dict__)
        self.seed = seed

    def _nearest(self, queries: Matrix, k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        rng = seeds.generator(self.seed, "random retrieval")
        rows = np.stack([rng.permutation(len(self.metadata))[:k] for _ in queries])
        return np.linalg.norm(queries[:, None] - self.embeddings[rows], axis=2), rows


def metadata(pairs: Pairs, rows: NDArray[np.int64]) -> list[Json]:
    """METADATA and EVENTS of some pairs."""
    columns = (pairs.ids, pairs.a, pairs.b, pairs.a_titles, pairs.b_titles, pairs.correlations.tolist())
    events = (pairs.a_events.tolist(), pairs.b_events.tolist())
    return [dict(zip((*METADATA, *EVENTS), (column[row] for column in (*columns, *events)))) for row in rows]


def refuse_leaks(rag: SemanticRAG, pairs: Pairs, split: str, disjoint: bool) -> None:
    """BadInput with the count and the first pair of the index that `split` holds."""
    held = {pairs.ids[row] for row in pairs.rows(split, disjoint)}
    if leaked := [row["id"] for row in rag.metadata if row["id"] in held]:
        raise BadInput(f"{rag.folder}: {len(leaked)} pairs of the index are in {split}, the first is {leaked[0]!r}")


def _names(id: str | None, title: str) -> list[Key]:
    """A contract by its id, where known, and by the words of its title."""
    words = ("words", normalized(title))
    return [words] if id is None else [words, ("id", id)]
