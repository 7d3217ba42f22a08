"""lib.naics.limits: few descriptions are not passed over until they are known by heart."""

from dataclasses import replace

import pytest
from tiny_naics import SETTINGS, SHAPE, SIZES

from lib.naics.limits import Limits, within

LIMITS = Limits(max_passes=1.1, smallest_batch=24, adapter_descriptions=2000)


@pytest.mark.parametrize(
    ("n", "batch", "steps", "r"),
    [
        (11_700, 256, 40, 4),  # the Census: as asked
        (4_000, 110, 40, 4),  # smaller batches
        (490, 24, 23, 0),  # the packages: fewer steps too, and frozen encoders
        (3, 24, 1, 0),
    ],
)
def test_smaller_batches_then_fewer_steps_then_frozen_encoders(n, batch, steps, r, capsys):
    asked = SHAPE, replace(SETTINGS, steps=40), replace(SIZES, batch_size=256)
    shape, settings, sizes = within(LIMITS, n, *asked)
    assert (sizes.batch_size, settings.steps, shape.r) == (batch, steps, r)
    assert (shape, settings, sizes) == (
        replace(SHAPE, r=r),
        replace(SETTINGS, steps=steps),
        replace(SIZES, batch_size=batch),
    )
    said = f"{n} descriptions to learn from: batches of {batch}, {steps} steps, LoRA rank {r}\n"
    assert capsys.readouterr().err == ("" if n == 11_700 else said)
