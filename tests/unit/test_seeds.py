"""lib.seeds: a stream is a function of (seed, purpose, step)."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib import seeds


def test_seeds_never_change():
    """Every stored result hangs on these numbers."""
    assert seeds.derive(1, "forward", 0) == 3525495421205091519
    assert seeds.generator(1, "forward", 3).integers(1000, size=3).tolist() == [278, 930, 72]


def test_each_part_matters():
    streams = [(1, "a", 0), (2, "a", 0), (1, "b", 0), (1, "a", 1), (1, "a:0", 0), (11, "a", 0)]
    assert len({seeds.derive(*stream) for stream in streams}) == len(streams)
    assert all(0 <= seeds.derive(*stream) < 2**63 for stream in streams)


def test_torchs_stream_is_fixed():
    def draw(step):
        seeds.seed_torch(1, "forward", step)
        return torch.rand(4).tolist()

    assert draw(5) == draw(5) != draw(6)


@given(st.integers(1, 40), st.integers(1, 60), st.integers(0, 9))
def test_batches_of_shuffled_epochs_are_whole_passes(n, batch_size, seed):
    """The batches, one after the other, are the passes one after the other, each a permutation."""
    steps = 3 * n // batch_size + 2
    batches = [seeds.shuffled_epochs(n, batch_size, seed, "train", step) for step in range(steps)]
    assert all(len(batch) == batch_size for batch in batches)
    drawn = np.concatenate(batches)
    for first in range(0, len(drawn), n):
        rows = drawn[first : first + n]
        assert len(set(rows)) == len(rows) and set(rows) <= set(range(n))


def test_passes_differ_and_do_not_depend_on_history():
    first, second = (seeds.shuffled_epochs(50, 50, 1, "train", step) for step in (0, 1))
    assert first.tolist() != second.tolist()
    assert seeds.shuffled_epochs(50, 50, 1, "train", 1).tolist() == second.tolist()
    assert seeds.shuffled_epochs(50, 50, 1, "validation", 1).tolist() != second.tolist()
