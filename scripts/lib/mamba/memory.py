"""What was read already, as a part of the search vector itself.

The next passage is none of those before it, yet these are what resembles a context most: with only the
last five chunks excluded, most of what outranks the truth is the article's own beginning. A query in
the space of the vectors cannot be near an article and far from the chunks that were read of it. So a
document gets one more number for each of some buckets, 1 in its own and 0 elsewhere, and a query a
penalty in each bucket that was read. The state is a set that only grows; it needs no search filter.

A chunk that shares its bucket with one that was read is lost, so there are many: with 10,000 buckets and 14 chunks
read that is one answer in 700. Where every system is given a filter of all that was read (the slice "article
so far excluded"), it is worth nothing.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import BadInput

SPREAD = 0.9  # standard deviation of a unit vector's projection, in periods: other chunks fall elsewhere
PENALTY = 2.0  # by no more do the inner products of two documents with a query of length 1 differ


class Memory(nn.Module):
    """Hashes chunks into buckets, a square number; two different chunks share one with probability 1 / buckets."""

    directions: Tensor
    phases: Tensor

    def __init__(self, d: int, buckets: int) -> None:
        super().__init__()
        self.buckets, self.side = buckets, math.isqrt(buckets)
        if self.side**2 != buckets:
            raise BadInput(f"mamba.model.buckets: {buckets}, expected a square number")
        self.register_buffer("directions", SPREAD * torch.randn(2, d, self.side))
        self.register_buffer("phases", torch.rand(2, self.side))

    def bucket(self, vectors: Tensor) -> Tensor:
        """`(..., d)` to `(...)`: a number of two digits, each the direction with the largest fractional part."""
        with torch.autocast(vectors.device.type, enabled=False):
            high, low = (
                (vectors.float() @ directions + phases).remainder(1).argmax(dim=-1)
                for directions, phases in zip(self.directions, self.phases)
            )
        return high * self.side + low

    def documents(self, vectors: Tensor) -> Tensor:
        """`(n, d)` to `(n, buckets)`: 1 in the bucket of each."""
        return F.one_hot(self.bucket(vectors), self.buckets).to(vectors.dtype)

    def read(self, contexts: Tensor) -> Tensor:
        """`(b, l, d)` to `(b, buckets)`: the penalty in every bucket that a chunk falls into."""
        empty = torch.zeros(len(contexts), self.buckets, dtype=contexts.dtype, device=contexts.device)
        return empty.scatter(1, self.bucket(contexts), -PENALTY)
