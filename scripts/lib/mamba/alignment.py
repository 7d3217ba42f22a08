"""The proof that an evaluation asks for rows that can be found: each target, searched as itself, is first."""

import numpy as np

from .. import vectors
from ..errors import BadInput
from .ranking import Bench

SLACK = 1e-5  # rounding of an inner product of unit vectors in 32 bits


def refuse_unfindable(bench: Bench) -> None:
    """BadInput with the count and the first target that does not retrieve itself among the candidates."""
    stored = bench.payload.vectors
    asked = stored[bench.targets].astype(np.float32)
    best, own = np.full(len(asked), -np.inf), np.einsum("qd,qd->q", asked, asked)
    for start in range(0, len(bench.pool), vectors.BLOCK):
        rows = bench.pool[start : start + vectors.BLOCK]
        best = np.maximum(best, (asked @ stored[rows].astype(np.float32).T).max(axis=1))
    lost = np.flatnonzero((best > own + SLACK) | ~np.isin(bench.targets, bench.pool))
    if len(lost):
        name = bench.payload.ids[bench.targets[lost[0]]]
        raise BadInput(
            f"{bench.payload.folder}: {len(lost)} of {len(asked)} targets do not retrieve themselves, first {name!r}"
        )
