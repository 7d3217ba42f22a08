"""The tickets of one evaluation, and every system's view of them: the model, the raw encoder, TF-IDF."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from .. import encoders, seeds
from . import lexical, model, retrieval, saving
from .adversarial import Labelled
from .dataset import Tickets
from .judged import Score
from .model import Shape
from .retrieval import Similarity

Matrix = NDArray[np.float32]
Rows = NDArray[np.int64]
Systems = Callable[[Sequence[str]], dict[str, Matrix]]  # n texts to unit vectors (n, d) by each system

CHOOSING = 500
MODEL, RAW, HEADED, TFIDF = "model", "raw", "raw with head", "TF-IDF"


def systems(folder: Path, shape: Shape) -> Systems:
    """A trained model, its base, and the base under the model's head if it has one: what is owed to that alone."""
    own = saving.head(folder)
    trained = model.encoder_of(str(folder), shape, own)
    tokenizer, base = encoders.load(shape.encoder, "tickets.encoder.encoder")
    heads = {RAW: None} | ({} if own is None else {HEADED: own})

    def encode(texts: Sequence[str]) -> dict[str, Matrix]:
        states = model.pooled(base, model.tokenize(tokenizer, texts, shape))
        untrained = {name: model.vectors_of(*states, head).numpy() for name, head in heads.items()}
        return {MODEL: trained(texts), **untrained}

    return encode


@dataclass(frozen=True)
class View:
    """n tickets told in one way (masked or not), as each system sees them.

    vectors  (n, d) by system, unit vectors
    words    (n, words) TF-IDF over these n texts
    """

    vectors: dict[str, Matrix]
    words: csr_matrix

    def similarities(self, dim: int) -> dict[str, Similarity]:
        """By system; vectors cut to their first `dim` numbers."""
        cut = {name: retrieval.by_cosine(model.unit(vectors, dim)) for name, vectors in self.vectors.items()}
        return {**cut, TFIDF: retrieval.by_words(self.words)}

    def scores(self, dim: int) -> dict[str, Score]:
        """By system, of pairs."""

        def cosine(vectors: Matrix) -> Score:
            return lambda pairs: np.einsum("md,md->m", vectors[pairs.left], vectors[pairs.right])

        def words(pairs: Labelled) -> Matrix:
            return lexical.overlap(self.words, pairs.left, pairs.right)

        return {**{name: cosine(model.unit(v, dim)) for name, v in self.vectors.items()}, TFIDF: words}


def draw(tickets: Tickets, split: str, also: str, size: int, seed: int) -> Rows:
    """Rows of the tickets to search, rising: all labelled ones of `split`, then of `also`, then any, up to `size`.

    A `size` of 0 takes all tickets. The labelled ones of `split` are never left out, nor the first CHOOSING of `also`,
    whose pairs choose thresholds.
    """
    rng = seeds.generator(seed, "corpus")
    order = [tickets.rows(split), rng.permutation(tickets.rows(also)), rng.permutation(len(tickets))]
    rows = np.concatenate(order)
    rows = rows[np.sort(np.unique(rows, return_index=True)[1])]
    least = len(order[0]) + min(len(order[1]), CHOOSING)
    return np.sort(rows[: max(size, least) if size else len(rows)])


def views(texts: Mapping[str, Sequence[str]], encode: Systems) -> dict[str, View]:
    """A view for each way of telling; every distinct text is encoded once."""
    distinct = sorted({text for told in texts.values() for text in told})
    row = {text: number for number, text in enumerate(distinct)}
    encoded = encode(distinct)
    made = {}
    for way, told in texts.items():
        at = np.array([row[text] for text in told])
        made[way] = View({name: vectors[at] for name, vectors in encoded.items()}, lexical.tfidf(told))
    return made
