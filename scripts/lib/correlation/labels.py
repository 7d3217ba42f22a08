"""The correlation of two contracts from their prices, with its standard error and a check of its reliability.

Prices near 0 and 1 move little, so changes are taken of logits; news takes days to arrive everywhere, so changes
span several days and overlap; one jump must not decide, so changes are winsorised.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .. import seeds

Array = NDArray[np.float64]
LOWEST = 0.01  # dollars, the tick: logits of prices beyond it and beyond 0.99 are those of the tick
MAD = 1.482602218505602  # times the median absolute deviation is the standard deviation of a normal variable
PAIRS_AT_ONCE = 4096


@dataclass(frozen=True)
class Labels:
    """How correlations are measured.

    Changes span `horizon` days; a pair needs `min_days` common ones; changes beyond `winsor` deviations (MAD) from
    the median are cut; standard errors resample blocks of `block_days` days `resamples` times.
    """

    horizon: int = 5
    min_days: int = 60
    winsor: float = 3.0
    block_days: int = 20
    resamples: int = 400


@dataclass(frozen=True)
class Correlations:
    """Of p pairs, each `(p,)`: `left` and `right` columns, correlation, standard error, common days, two halves."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    values: Array
    errors: Array
    days: NDArray[np.int64]
    first: Array
    second: Array


def changes(closes: Array, knobs: Labels) -> Array:
    """Winsorised logit changes, `(t, c)` to `(t, c)`; NaN where unknown, and all through a contract that stands still.

    One whose change is 0 on half the days or more does: its median deviation is 0.
    """
    bounded = np.clip(closes, LOWEST, 1 - LOWEST)
    logits = np.log(bounded / (1 - bounded))
    moved = np.full_like(logits, np.nan)
    moved[knobs.horizon :] = logits[knobs.horizon :] - logits[: -knobs.horizon]
    for column in moved.T:
        known = np.isfinite(column)
        median = np.median(column[known]) if known.any() else 0.0
        reach = knobs.winsor * MAD * np.median(np.abs(column[known] - median)) if known.any() else 0.0
        column[known] = np.clip(column[known], median - reach, median + reach) if reach > 0 else np.nan
    return moved


def correlate(moved: Array, knobs: Labels, seed: int) -> Correlations:
    """Every pair of columns of `moved` `(t, c)` with enough common days, in the order of its columns."""
    known = np.isfinite(moved).astype(np.float64)
    left, right = np.nonzero(np.triu(known.T @ known, k=1) >= knobs.min_days)
    parts = [
        _chunk(moved, left[at : at + PAIRS_AT_ONCE], right[at : at + PAIRS_AT_ONCE], knobs, seed)
        for at in range(0, len(left), PAIRS_AT_ONCE)
    ]
    joined = np.concatenate(parts, axis=1) if parts else np.empty((5, 0))
    values, errors, days, first, second = np.round(joined, 6)  # beyond it the number of threads shows
    return Correlations(left, right, values, errors, days.astype(np.int64), first, second)


def _chunk(moved: Array, left: NDArray, right: NDArray, knobs: Labels, seed: int) -> Array:
    """Correlation, standard error, days and both halves of p pairs, `(5, p)`."""
    x, y = moved[:, left], moved[:, right]  # (t, p)
    both = np.isfinite(x) & np.isfinite(y)
    x, y = np.where(both, x, 0.0), np.where(both, y, 0.0)
    moments = np.stack([both.astype(np.float64), x, y, x * x, y * y, x * y])  # (6, t, p)
    starts = np.arange(0, len(moved), knobs.block_days)
    blocks = np.add.reduceat(moments, starts, axis=1)  # (6, blocks, p)
    draws = seeds.generator(seed, "price blocks").multinomial(
        len(starts), np.full(len(starts), 1 / len(starts)), size=knobs.resamples
    )
    resampled = pearson(np.einsum("rb,mbp->mrp", draws.astype(np.float64), blocks, optimize=True))  # (r, p)
    inside = np.arange(len(moved)) % knobs.block_days >= knobs.horizon - 1  # no change reaches into another block
    apart = np.add.reduceat(moments * inside[None, :, None], starts, axis=1)
    halves = [pearson(apart[:, half::2].sum(axis=1)) for half in (0, 1)]
    whole = blocks.sum(axis=1)  # (6, p)
    return np.stack([pearson(whole), np.nanstd(resampled, axis=0, ddof=1), whole[0], *halves])


def pearson(moments: Array) -> Array:
    """Correlations from sums of 1, x, y, xx, yy, xy, `(6, ...)` to `(...)`; NaN where one side does not vary."""
    n, x, y, xx, yy, xy = moments
    with np.errstate(invalid="ignore", divide="ignore"):
        deviations = np.maximum(n * xx - x * x, 0) * np.maximum(n * yy - y * y, 0)
        return np.where(deviations > 1e-12, np.clip((n * xy - x * y) / np.sqrt(deviations), -1, 1), np.nan)


def reliability(first: Array, second: Array) -> float | None:
    """Share of the correlations' variance that is not noise, from two halves (Spearman 1910, Brown 1910)."""
    known = np.isfinite(first) & np.isfinite(second)
    if known.sum() < 3 or np.ptp(first[known]) == 0 or np.ptp(second[known]) == 0:
        return None
    half = float(np.corrcoef(first[known], second[known])[0, 1])
    return round(max(2 * half / (1 + half), 0.0), 4) if half > -1 else 0.0


def ceiling(values: Array, errors: Array) -> float | None:
    """Highest R2 against measured correlations, that of the true ones; None where standard errors are unknown."""
    known = np.isfinite(errors)
    if known.sum() < 3 or np.var(values[known]) == 0:
        return None
    return round(max(1 - float(np.mean(errors[known] ** 2) / np.var(values[known])), 0.0), 4)
