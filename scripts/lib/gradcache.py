"""The exact gradient of a loss over a large batch in the memory of a small one (Gao et al. 2021, 2101.06983).

A contrastive loss needs all vectors of the batch at once, but through the vectors alone. So:

    1. encode every chunk without a graph; keep the vectors
    2. compute the loss on all vectors, and its gradient with respect to them
    3. encode every chunk again, now with a graph, and send its vectors' gradient back through it

Random layers draw the same numbers in 3 as in 1. It costs one more forward pass than `plain`. Several
processes share the chunks of a batch (lib.parallel).
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from . import parallel
from .parallel import Encode, Rows

Loss = Callable[[Tensor], Tensor]


def plain(encode: Encode, chunks: Sequence[Rows], loss_of: Loss) -> Tensor:
    """`backward` with the graphs of all chunks in memory at once."""
    loss = loss_of(parallel.spread(encode, chunks))
    loss.backward()
    return loss.detach()


def backward(encode: Encode, chunks: Sequence[Rows], loss_of: Loss) -> Tensor:
    """Add the gradient of `loss_of(vectors)` to whatever made them and return the loss.

    `chunks` part the rows 0..n-1 of the batch; `encode` maps a chunk `(b,)` to its vectors `(b, d)`,
    `loss_of` all vectors `(n, d)`, in the order of their rows, to a scalar. Parameters that
    `loss_of` itself uses (a temperature) get their gradient too.
    """
    draws, own = parallel.Draws(len(chunks)), parallel.mine(chunks)
    with torch.no_grad():
        parts = [draws.seeded(at, encode, chunks[at]) for at in own]
    draws.end()
    vectors = parallel.gathered(parts, chunks).detach().requires_grad_()
    loss = loss_of(vectors)
    loss.backward()
    assert vectors.grad is not None, "the loss does not depend on the vectors"
    after = parallel.Draws(0)
    for at in own:
        gradient = vectors.grad[torch.from_numpy(chunks[at])] * parallel.world()
        draws.seeded(at, encode, chunks[at]).backward(gradient)
    after.end()
    return loss.detach()
