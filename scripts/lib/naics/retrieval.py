"""How far a description is from a code: from the code's own point and from what is known to belong to it.

    d(q, code) = (d(q, p) + min(d(q, p), min over known entries e of d(q, e))) / 2

with p the code's point. A code without known entries, or whose entries are all farther than its
point, is simply as far as its point.
"""

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.floating]


def code_distances(to_codes: Matrix, to_entries: Matrix, columns: NDArray[np.int64]) -> Matrix:
    """`(q, n)` distances to code points and `(q, e)` to known entries, entry j belonging to column `columns[j]`."""
    nearest = to_codes.copy()
    order = np.argsort(columns, kind="stable")
    owners, first = np.unique(columns[order], return_index=True)
    best = np.minimum.reduceat(to_entries[:, order], first, axis=1)  # (q, owners)
    nearest[:, owners] = np.minimum(nearest[:, owners], best)
    return (to_codes + nearest) / 2
