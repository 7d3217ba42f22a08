"""How far a description is from a code: from the code's own point and from what is known to belong to it.

    d(q, code) = (d(q, p) + min(d(q, p), min over known descriptions e of d(q, e))) / 2

with p the code's point. A code without known descriptions, or whose descriptions are all farther
than its point, is simply as far as its point.
"""

import numpy as np
from numpy.typing import NDArray

from .geometry import Space

Matrix = NDArray[np.floating]


def code_distances(space: Space, to_codes: Matrix, to_known: Matrix, columns: NDArray[np.int64]) -> Matrix:
    """`(q, n)` distances from the scores of code points, `(q, n)`, and of known descriptions, `(q, e)`.

    Description j belongs to column `columns[j]`. Scores are the space's: larger when nearer, so that
    only the best of each code has to become a distance.
    """
    nearest = to_codes.copy()
    order = np.argsort(columns, kind="stable")
    owners, first = np.unique(columns[order], return_index=True)
    if (order[1:] < order[:-1]).any():
        to_known = to_known[:, order]
    best = np.maximum.reduceat(to_known, first, axis=1)  # (q, owners)
    nearest[:, owners] = np.maximum(nearest[:, owners], best)
    return (space.distances(to_codes) + space.distances(nearest)) / 2
