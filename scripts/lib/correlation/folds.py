"""The events that training may see, parted anew by the rule that set the test events apart.

A model's knobs and doubts are worth what they are on pairs whose contracts and events it has not seen. Validation has
few such pairs, so training and validation events together are drawn again and again into those that teach and those
that judge (GroupShuffleSplit, but pairs have two members: one whose members fall apart does neither).
"""

from typing import NamedTuple

import numpy as np

from .. import seeds
from ..errors import BadInput
from . import splits
from .dataset import Pairs, Rows

TAUGHT, JUDGED = "taught", "judged"


class Fold(NamedTuple):
    """Rows of pairs that teach, and rows that judge."""

    taught: Rows
    judged: Rows


def drawn(pairs: Pairs, repeats: int, judged_share: float, seed: int, disjoint: bool = True) -> list[Fold]:
    """So many folds of the training and validation pairs, no test pair among them; of 0 repeats their own two sides.

    Of the random split pairs are drawn, as that split does, and not events.
    """
    train, validation = (pairs.rows(split, disjoint) for split in ("train", "validation"))
    if not repeats:
        return [Fold(train, validation)]
    pool = np.sort(np.concatenate([train, validation]))
    of = _by_events if disjoint else _by_lot
    found = [of(pairs, pool, judged_share, seeds.derive(seed, "folds", repeat)) for repeat in range(repeats)]
    if not all(len(rows) for fold in found for rows in fold):
        raise BadInput(f"correlation.tune.judged_share {judged_share}: a side has no pair, expected some on both")
    return found


def _by_events(pairs: Pairs, pool: Rows, judged_share: float, seed: int) -> Fold:
    a, b = np.array(pairs.a)[pool].tolist(), np.array(pairs.b)[pool].tolist()
    a_events, b_events = pairs.a_events[pool].tolist(), pairs.b_events[pool].tolist()
    event = dict(zip(a, a_events)) | dict(zip(b, b_events))
    side_of = splits.assign(event, event, {TAUGHT: 1 - judged_share, JUDGED: judged_share}, seed)
    sides = [{side_of[one], side_of[other]} for one, other in zip(a_events, b_events)]
    taught, judged = (pool[[side == {name} for side in sides]] for name in (TAUGHT, JUDGED))
    return Fold(taught, judged)


def _by_lot(pairs: Pairs, pool: Rows, judged_share: float, seed: int) -> Fold:
    order = sorted(pool.tolist(), key=lambda row: seeds.lot(seed, "fold of pairs", pairs.ids[row]))
    judged = round(judged_share * len(order))
    return Fold(np.sort(order[judged:]), np.sort(order[:judged]))
