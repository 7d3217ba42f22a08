"""What the tests of both triplet sources share: the three stages and a look at batches."""

from lib.naics.curriculum import Curriculum
from lib.naics.triplets import Triplets

EASY = Curriculum((6,), {"1": 0.875, "2": 0.125})
MEDIUM = Curriculum((5, 6), {"1": 0.50, "2": 0.25, "5": 0.15, "6": 0.10})
HARD = Curriculum((2, 3, 4, 5, 6), {1: 0.40, 2: 0.20, 3: 0.10, 4: 0.10, 5: 0.10, 6: 0.05, 8: 0.05})


def same(a: Triplets, b: Triplets) -> bool:
    return all(
        (getattr(a, name) == getattr(b, name)).all() for name in ("anchors", "positives", "negatives", "hardness")
    )


def pair_keys(batches: list[Triplets]) -> list[tuple[int, int]]:
    return [pair for batch in batches for pair in zip(batch.anchors.tolist(), batch.positives.tolist())]
