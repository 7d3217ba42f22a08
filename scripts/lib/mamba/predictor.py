"""What evaluation and search know of a predictor, whether it was trained or is a baseline.

context chunks --queries--> search vectors --inner product--> documents(chunks) --> next passages
"""

from pathlib import Path
from typing import Protocol

from torch import Tensor

from . import model


class Predictor(Protocol):
    """Maps earlier chunks of an article to what to search for next; every vector of a chunk has length 1.

    `context` is how many earlier chunks it sees, 0 the whole article so far. A query and a document
    are compared by their inner product.
    """

    context: int

    @property
    def indexed(self) -> int | None:
        """Where to cut a document for an index, as a slice's end; what is beyond only ranks the candidates."""
        ...

    def queries(self, contexts: Tensor) -> Tensor:
        """Search vectors after contexts of equal length, `(b, l, d)` to `(b, k)`; what is too long to see is cut."""
        ...

    def documents(self, vectors: Tensor) -> Tensor:
        """What an index holds of chunks, `(n, d)` to `(n, k)`."""
        ...

    def next_vectors(self, contexts: Tensor) -> Tensor:
        """The next chunk's vector itself, `(b, l, d)` to `(b, d)`, of length 1."""
        ...


def load(path: Path, device: str = "cpu") -> Predictor:
    """The trained predictor of a checkpoint, on the device."""
    return model.load(path).to(device)
