"""Where the true next chunk ranks among all chunks of a split, for any predictor.

Which chunks are candidates is the same for every system: the context excluded (its last five chunks are known
and would fill the first places), left in, or the whole article so far excluded.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .. import metrics
from .payload import Payload
from .predictor import Predictor
from .windows import CONTEXT, contexts

Matrix = NDArray[np.float32]
Rows = NDArray[np.int64]
EXCLUDED, LEFT_IN, ARTICLE = "context excluded", "context left in", "article so far excluded"
CELLS = 1 << 25  # scores looked at together


@dataclass(frozen=True)
class Bench:
    """q questions and the p candidates they share.

    targets (q,) payload rows of the true next chunks
    pool    (p,) payload rows of all chunks of some articles, rising
    """

    payload: Payload
    targets: Rows
    pool: Rows
    device: str = "cpu"

    @cached_property
    def truth(self) -> Rows:
        """Column of each target in the pool, `(q,)`."""
        return np.searchsorted(self.pool, self.targets)

    @cached_property
    def groups(self) -> Rows:
        """Article of each question, `(q,)`."""
        return self.payload.articles[self.targets]

    def hidden(self, slice_name: str, block: slice) -> NDArray[np.bool_]:
        """Which columns are no candidates of some questions, `(b, p)`."""
        truth = self.truth[block, None]
        known = {EXCLUDED: np.full_like(truth, CONTEXT), LEFT_IN: np.zeros_like(truth)}
        known[ARTICLE] = self.payload.positions[self.targets[block], None]
        columns = np.arange(len(self.pool))
        return (columns >= truth - known[slice_name]) & (columns < truth)

    def documents(self, predictor: Predictor, rows: Rows) -> Matrix:
        """What the predictor makes of payload rows, `(n,)` to `(n, k)`."""
        with torch.no_grad():
            return predictor.documents(self.vectors(rows)).float().cpu().numpy()

    def ask(self, see: Callable[[Tensor], Tensor], context: int) -> Matrix:
        """What `see` makes of each question's context, `(q, k)`: the last `context` chunks, or all before it if 0."""
        before = self.payload.positions[self.targets]
        lengths = np.minimum(before, context) if context else before
        answers: dict[int, Tensor] = {}
        for length in np.unique(lengths):
            asked = np.flatnonzero(lengths == length)
            with torch.no_grad():
                seen = see(self.vectors(contexts(self.targets[asked], length)))
            answers |= dict(zip(asked.tolist(), seen.float().cpu()))
        return torch.stack([answers[at] for at in range(len(self.targets))]).numpy()

    def vectors(self, rows: Rows) -> Tensor:
        return torch.from_numpy(self.payload.vectors[rows].astype(np.float32)).to(self.device)

    def scored(self, predictor: Predictor) -> Iterator[tuple[slice, Matrix]]:
        """(questions, their scores of all candidates) block by block, `(b, p)`."""
        documents, queries = self.documents(predictor, self.pool), self.ask(predictor.queries, predictor.context)
        step = max(1, CELLS // len(self.pool))
        for start in range(0, len(queries), step):
            block = slice(start, start + step)
            yield block, queries[block] @ documents.T


def ranks(bench: Bench, predictor: Predictor, slices: tuple[str, ...] = (EXCLUDED,)) -> dict[str, Rows]:
    """Rank of the truth from 1, `(q,)` by slice; ties count against it."""
    found: dict[str, list[Rows]] = {name: [] for name in slices}
    for block, scores in bench.scored(predictor):
        for name in slices:
            candidates = np.where(bench.hidden(name, block), -np.inf, scores)
            found[name].append(metrics.rank_of_truth(candidates, bench.truth[block]))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def mrr(bench: Bench, predictor: Predictor) -> float:
    """Mean reciprocal rank with the context excluded: what everything is chosen by, on validation."""
    return float(metrics.reciprocal_rank(ranks(bench, predictor)[EXCLUDED]).mean())


def cosines(bench: Bench, predictor: Predictor) -> Matrix:
    """Cosine of the predicted and the true next vector, `(q,)`."""
    predicted = bench.ask(predictor.next_vectors, predictor.context)
    return np.einsum("qd,qd->q", predicted, bench.payload.vectors[bench.targets].astype(np.float32))


def by_pool_size(bench: Bench, predictor: Predictor, members: NDArray[np.bool_], k: int) -> list[float]:
    """Recall at k when only some articles are candidates beside the question's own, context excluded.

    `members` (p, s) says which columns belong to each of s growing pools.
    """
    hits = np.zeros(members.shape[1])
    own = bench.payload.articles[bench.pool]
    for block, scores in bench.scored(predictor):
        hidden = bench.hidden(EXCLUDED, block)
        truth = np.take_along_axis(scores, bench.truth[block, None], axis=1)
        better = ~hidden & ~(scores < truth)
        mine = own[None, :] == bench.groups[block, None]
        for at, member in enumerate(members.T):
            hits[at] += ((better & (mine | member)).sum(axis=1) <= k).sum()
    return (hits / len(bench.targets)).tolist()
