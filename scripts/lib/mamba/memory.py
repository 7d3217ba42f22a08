"""What was read already, as a part of the search vector itself.

The next passage is none of those before it, yet these are what resembles a context most: with only the
last five chunks excluded, most of what outranks the truth is the article's own beginning. A query in
the space of the vectors cannot be near an article and far from the chunks that were read of it. So a
document gets one more number for each of some buckets, 1 in its own and 0 elsewhere, and a query a
penalty in each bucket that was read. The state is a set that only grows; it needs no search filter.

Measured on Wikipedia articles (MiniLM, 3,000 candidates): MRR .34 to .47. Where every system is given a
filter of all that was read (the slice "article so far excluded"), averages reach .47 as well.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SPREAD = 0.9  # standard deviation of a unit vector's projection, in periods: other chunks fall elsewhere


class Memory(nn.Module):
    """Hashes chunks into buckets; two different chunks share one with probability 1 / buckets."""

    directions: Tensor
    phases: Tensor

    def __init__(self, d: int, buckets: int, penalty: float) -> None:
        super().__init__()
        self.buckets = buckets
        self.register_buffer("directions", SPREAD * torch.randn(d, buckets))
        self.register_buffer("phases", torch.rand(buckets))
        self.penalty = nn.Parameter(torch.tensor(penalty))

    def bucket(self, vectors: Tensor) -> Tensor:
        """`(..., d)` to `(...)`: the direction along which a chunk's projection has the largest fractional part."""
        with torch.autocast(vectors.device.type, enabled=False):
            return (vectors.float() @ self.directions + self.phases).remainder(1).argmax(dim=-1)

    def documents(self, vectors: Tensor) -> Tensor:
        """`(n, d)` to `(n, buckets)`: 1 in the bucket of each."""
        return F.one_hot(self.bucket(vectors), self.buckets).to(vectors.dtype)

    def read(self, vectors: Tensor) -> Tensor:
        """`(b, l, d)` to `(b, l, buckets)`: 1 in every bucket that positions 0 to t fall into."""
        filled = F.one_hot(self.bucket(vectors), self.buckets).to(vectors.dtype)
        return filled.cummax(dim=1).values
