"""The exact gradient of a loss over a large batch in the memory of a small one (Gao et al. 2021, 2101.06983).

A contrastive loss needs all vectors of the batch at once, but through the vectors alone. So:

    1. encode every chunk without a graph; keep the vectors
    2. compute the loss on all vectors, and its gradient with respect to them
    3. encode every chunk again, now with a graph, and send its vectors' gradient back through it

Random layers draw the same numbers in 3 as in 1. It costs one more forward pass than `plain`.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .encoders import in_order

Rows = NDArray[np.integer]
Encode = Callable[[Rows], Tensor]
Loss = Callable[[Tensor], Tensor]


def plain(encode: Encode, chunks: Sequence[Rows], loss_of: Loss) -> Tensor:
    """`backward` with the graphs of all chunks in memory at once."""
    loss = loss_of(in_order([encode(rows) for rows in chunks], chunks))
    loss.backward()
    return loss.detach()


def backward(encode: Encode, chunks: Sequence[Rows], loss_of: Loss) -> Tensor:
    """Add the gradient of `loss_of(vectors)` to whatever made them and return the loss.

    `chunks` part the rows 0..n-1 of the batch; `encode` maps a chunk `(b,)` to its vectors `(b, d)`,
    `loss_of` all vectors `(n, d)`, in the order of their rows, to a scalar. Parameters that
    `loss_of` itself uses (a temperature) get their gradient too.
    """
    states, encoded = [], []
    with torch.no_grad():
        for rows in chunks:
            states.append(_random_state())
            encoded.append(encode(rows))
    vectors = in_order(encoded, chunks).requires_grad_()
    loss = loss_of(vectors)
    loss.backward()
    assert vectors.grad is not None, "the loss does not depend on the vectors"
    after = _random_state()
    for rows, state in zip(chunks, states):
        _set_random_state(state)
        encode(rows).backward(vectors.grad[torch.from_numpy(rows)])
    _set_random_state(after)
    return loss.detach()


def _random_state() -> tuple[Tensor, list[Tensor]]:
    return torch.get_rng_state(), torch.cuda.get_rng_state_all()


def _set_random_state(state: tuple[Tensor, list[Tensor]]) -> None:
    torch.set_rng_state(state[0])
    torch.cuda.set_rng_state_all(state[1])
