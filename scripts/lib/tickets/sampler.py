"""Which pairs a step sees: phases from easy to hard, and never two pairs of one label in a batch.

In-batch ranking learns from the texts of other labels, so a batch holds as many labels as it can. A batch is a
function of (seed, step).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .. import seeds
from ..cli import log
from ..errors import BadInput
from .phases import NAMES

Rows = NDArray[np.integer]
ALL = 0  # the only phase of a shuffled run
ORDERS = ("curriculum", "shuffled", "hard_only")


@dataclass(frozen=True)
class Phase:
    """The pairs of consecutive steps, sorted by label; label i has pairs `rows[first[i]:first[i] + counts[i]]`."""

    name: str
    number: int  # 1..3, 0 for all together
    until: int  # step before which it ends
    rows: Rows
    first: Rows
    counts: Rows


class Sampler:
    """Batches of rows for steps 0..steps-1.

    groups (n,) the label of every pair, phases (n,) its phase 1..3. `order` is "curriculum" (phases
    one after the other, steps in proportion to their pairs), or an ablation with equally many
    steps: "shuffled" draws from all phases at every step, "hard_only" from the last.
    """

    def __init__(self, groups: Rows, phases: Rows, order: str, batch_size: int, steps: int, seed: int) -> None:
        if order not in ORDERS:
            raise BadInput(f"curriculum {order!r}: expected one of {', '.join(ORDERS)}")
        self.batch_size, self.seed = batch_size, seed
        parts = _parts(phases, order)
        if steps < len(parts):
            raise BadInput(f"steps {steps}: {len(parts)} phases need at least one step each")
        until = _ends([len(rows) for rows in parts.values()], steps)
        self.phases = [_phase(number, end, rows, groups) for (number, rows), end in zip(parts.items(), until)]
        for phase in self.phases:
            self._check(phase)

    def _check(self, phase: Phase) -> None:
        if len(phase.counts) < 2:
            raise BadInput(f"phase {phase.name}: {len(phase.counts)} label among its pairs, expected at least 2")
        if len(phase.counts) < self.batch_size:
            held = f"batches hold {len(phase.counts)} pairs, one a label, rather than {self.batch_size}"
            log(f"phase {phase.name}: {len(phase.rows)} pairs of {len(phase.counts)} labels; {held}")

    def phase(self, step: int) -> Phase:
        return next(phase for phase in self.phases if step < phase.until)

    def batch(self, step: int) -> Rows:
        """Pairs of step, `(b,)`, each of another label; a label comes as often as it has pairs, in expectation."""
        phase, rng = self.phase(step), seeds.generator(self.seed, "ticket batch", step)
        size = min(self.batch_size, len(phase.counts))
        share = phase.counts / phase.counts.sum()
        labels = rng.choice(len(phase.counts), size=size, replace=False, p=share)
        return phase.rows[phase.first[labels] + rng.integers(phase.counts[labels])]


def _parts(phases: Rows, order: str) -> dict[int, Rows]:
    """Rows by number of the phase, in the order of training."""
    if order == "shuffled":
        return {ALL: np.arange(len(phases))}
    wanted = list(NAMES) if order == "curriculum" else [max(NAMES)]
    parts: dict[int, Rows] = {number: np.flatnonzero(phases == number) for number in wanted}
    for number, rows in parts.items():
        if not len(rows):
            raise BadInput(f"phase {NAMES[number]}: no pairs, expected some in each of {', '.join(NAMES.values())}")
    return parts


def _ends(sizes: list[int], steps: int) -> list[int]:
    """Steps before which the phases end: one step each, the others in proportion to their pairs."""
    share = np.cumsum(sizes) / sum(sizes)
    return (np.arange(1, len(sizes) + 1) + np.floor(share * (steps - len(sizes))).astype(int)).tolist()


def _phase(number: int, until: int, rows: Rows, groups: Rows) -> Phase:
    order = np.argsort(groups[rows], kind="stable")
    _, first, counts = np.unique(groups[rows][order], return_index=True, return_counts=True)
    return Phase(NAMES.get(number, "all"), number, until, rows[order], first, counts)
