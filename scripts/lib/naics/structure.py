"""How well distances between codes follow the tree: correlation, parents, siblings, ranking, distortion.

Every score is computed for a set of query codes against all codes, from one `(n, n)` distance
matrix, so that models, stages, geometries and the raw encoder are compared by the same lines.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from .. import metrics
from .taxonomy import Taxonomy

Matrix = NDArray[np.floating]
Tree = NDArray[np.number]  # of edges, whole numbers
Rows = NDArray[np.int64]


def measure(
    taxonomy: Taxonomy, tree: Tree, distances: dict[str, Matrix], rows: Rows, slice_name: str, seed: int
) -> list[dict[str, Any]]:
    """Entries of metrics.json over the query codes `rows`; the first of `distances` is the model.

    `tree` and each distance matrix are `(n, n)`; the others are baselines, paired by query code.
    """
    entries = []
    for metric, score in (("parent_recall_at_1", parent_hits), ("sibling_map", sibling_precision)):
        scored = {name: score(taxonomy, matrix, rows) for name, matrix in distances.items()}
        entries.append(_compare(metric, slice_name, scored, seed))
    ndcg = {
        name: metrics.ndcg_at_k(-_others(matrix, rows), _gains(tree, rows), 10) for name, matrix in distances.items()
    }
    entries.append(_compare("ndcg_at_10", slice_name, ndcg, seed))
    for metric, prepare in (("pearson_tree_distance", np.asarray), ("spearman_tree_distance", _ranks)):
        entries.append(_correlation(metric, slice_name, tree, distances, rows, prepare, seed))
    return entries


def parent_hits(taxonomy: Taxonomy, distance: Matrix, rows: Rows) -> Matrix:
    """1.0 where the nearest code one level up is the parent; only children are left out (unary pairs say nothing)."""
    rows = rows[(taxonomy.parent[rows] >= 0) & ~taxonomy.only_child[rows]]
    hits = np.empty(len(rows))
    for at, row in enumerate(rows):
        candidates = np.flatnonzero(taxonomy.level == taxonomy.level[taxonomy.parent[row]])
        hits[at] = candidates[distance[row, candidates].argmin()] == taxonomy.parent[row]
    return hits


def sibling_precision(taxonomy: Taxonomy, distance: Matrix, rows: Rows) -> Matrix:
    """Average precision of each code's siblings among the other codes of its level."""
    scores, parents = [], taxonomy.parent
    for row in rows[parents[rows] >= 0]:
        others = np.flatnonzero((taxonomy.level == taxonomy.level[row]) & (np.arange(len(parents)) != row))
        relevant = parents[others] == parents[row]
        if relevant.any():
            scores.append(metrics.average_precision(-distance[row, others][None], relevant[None])[0])
    return np.array(scores)


def distortion(tree: Tree, distance: Matrix) -> float:
    """Mean |d / (s t) - 1| over pairs with the scale s that is best in least squares of d on t."""
    upper = np.triu_indices(len(tree), 1)
    t, d = tree[upper].astype(float), distance[upper]
    scale = (d @ t) / (t @ t)
    return float(np.abs(d / (scale * t) - 1).mean())


def _compare(metric: str, slice_name: str, scored: dict[str, Matrix], seed: int) -> dict[str, Any]:
    (_, model), *baselines = scored.items()
    return metrics.compare(metric, slice_name, model, dict(baselines), None, seed)


def _others(distance: Matrix, rows: Rows) -> Matrix:
    """Distances from `rows` to all codes, infinitely far from themselves."""
    block = distance[rows].astype(np.float64)
    block[np.arange(len(rows)), rows] = np.inf
    return block


def _gains(tree: Tree, rows: Rows) -> Matrix:
    """Graded relevance: the farther in the tree, the less; 0 for the code itself."""
    block = tree[rows].astype(np.float64)
    gains = block.max() - block
    gains[np.arange(len(rows)), rows] = 0
    return gains


def _ranks(block: Matrix) -> Matrix:
    return rankdata(block).reshape(block.shape)


def _correlation(
    metric: str,
    slice_name: str,
    tree: Tree,
    distances: dict[str, Matrix],
    rows: Rows,
    prepare: Any,
    seed: int,
) -> dict[str, Any]:
    """Correlation over all pairs (query code, another code); the bootstrap draws query codes."""
    others = np.arange(len(tree)) != rows[:, None]
    target = prepare(tree[rows][others].reshape(len(rows), -1).astype(np.float64))
    draws = np.vstack([np.ones(len(rows)), metrics.group_weights(len(rows), seed)])
    columns = []
    for matrix in distances.values():
        values = prepare(matrix[rows][others].reshape(len(rows), -1).astype(np.float64))
        columns.append(_weighted_pearson(values, target, draws))
    samples = np.stack(columns, axis=1)
    names = list(distances)[1:]
    return metrics.entry(metric, slice_name, len(rows), samples[0], samples[1:], names)


def _weighted_pearson(x: Matrix, y: Matrix, draws: Matrix) -> Matrix:
    """Pearson correlation of all entries under row weights, `(r, m)` twice and `(s, r)` to `(s,)`."""
    x, y = x - x.mean(), y - y.mean()
    sums = [(term).sum(axis=1) for term in (np.ones_like(x), x, y, x * y, x * x, y * y)]
    n, sx, sy, sxy, sxx, syy = (draws @ total for total in sums)
    return (sxy - sx * sy / n) / np.sqrt((sxx - sx * sx / n) * (syy - sy * sy / n))
