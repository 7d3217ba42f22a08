"""How far a stage may go with the descriptions there are: what a small source would otherwise learn by heart."""

import math
from dataclasses import dataclass, replace

from ..cli import log
from ..training import Settings
from .head import Shape
from .objective import Sizes


@dataclass(frozen=True)
class Limits:
    """A stage passes over its descriptions so often at most; encoders adapt only where there are enough of them."""

    max_passes: float
    smallest_batch: int
    adapter_descriptions: int


def within(limits: Limits, n: int, shape: Shape, settings: Settings, sizes: Sizes) -> tuple[Shape, Settings, Sizes]:
    """Shape, settings and sizes for n descriptions: smaller batches first, then fewer steps; said when it bites."""
    most = n * limits.max_passes
    batch = min(sizes.batch_size, max(limits.smallest_batch, math.ceil(most / settings.steps)))
    steps = min(settings.steps, math.ceil(most / batch))
    r = shape.r if n >= limits.adapter_descriptions else 0
    if (batch, steps, r) != (sizes.batch_size, settings.steps, shape.r):
        log(f"{n} descriptions to learn from: batches of {batch}, {steps} steps, LoRA rank {r}")
    return replace(shape, r=r), replace(settings, steps=steps), replace(sizes, batch_size=batch)
