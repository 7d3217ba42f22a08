"""Randomness as a function of (seed, purpose, step): there is no generator state to save or lose."""

import hashlib

import numpy as np


def derive(seed: int, purpose: str, step: int = 0) -> int:
    """A 63-bit seed; distinct purposes and steps give independent streams."""
    digest = hashlib.sha256(f"{seed}:{purpose}:{step}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(seed: int, purpose: str, step: int = 0) -> np.random.Generator:
    """numpy's generator of one stream."""
    return np.random.default_rng(derive(seed, purpose, step))


def lot(seed: int, purpose: str, name: str) -> str:
    """A name's place in a draw: names sorted by it are in random order."""
    return hashlib.sha256(f"{seed}:{purpose}:{name}".encode()).hexdigest()


def seed_torch(seed: int, purpose: str, step: int = 0) -> None:
    """Fix torch's global stream (dropout, initialisation) for what follows, on every device."""
    import torch

    torch.manual_seed(derive(seed, purpose, step))


def shuffled_epochs(n: int, batch_size: int, seed: int, purpose: str, step: int) -> np.ndarray:
    """Rows of batch `step`, `(batch_size,)`, from an endless sequence of shuffled passes over n rows.

    Every row is drawn once a pass; a batch may end one pass and begin the next.
    """
    first = step * batch_size
    rows = []
    for epoch in range(first // n, (first + batch_size - 1) // n + 1):
        order = generator(seed, f"{purpose}/epoch", epoch).permutation(n)
        rows.append(order[max(first - epoch * n, 0) : first + batch_size - epoch * n])
    return np.concatenate(rows)
