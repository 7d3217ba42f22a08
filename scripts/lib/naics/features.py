"""Channel vectors of codes and of descriptions: what the head reads.

A code's vector in a channel is the unit mean of its texts' unit vectors; a description has its own
unit vector in the examples channel and nothing else.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from torch import Tensor, nn

from .taxonomy import CHANNELS
from .text_vectors import TextVectors
from .texts import QUERY_CHANNEL, ChannelTexts

Rows = NDArray[np.int64]
Live = dict[int, tuple[Rows, Tensor]]  # channel: (rows, their unit vectors with gradient)


def query_features(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Unit vectors of descriptions, `(q, d)`, to channel vectors `(q, C, d)` and presence `(q, C)`."""
    features = vectors.new_zeros(len(vectors), len(CHANNELS), vectors.shape[1])
    features[:, QUERY_CHANNEL] = vectors
    present = vectors.new_zeros(features.shape[:2])
    present[:, QUERY_CHANNEL] = 1
    return features, present


class CodeFeatures(nn.Module):
    """The channel vectors of all codes, from text vectors as they were last seen.

    The text vectors are buffers on the CPU, so that a training that writes to them saves them with its state.
    """

    def __init__(self, vectors: TextVectors, texts: list[ChannelTexts], device: torch.device | str = "cpu") -> None:
        super().__init__()
        self.members, self.device = [channel.members for channel in texts], device
        for name, own in zip(CHANNELS, vectors):
            self.register_buffer(name, torch.from_numpy(own.copy()))

    def vectors(self, channel: int) -> Tensor:
        """The unit vectors of a channel's texts, `(t, d)`."""
        return self.get_buffer(CHANNELS[channel])

    def remembered(self) -> TextVectors:
        """The text vectors as they are now."""
        return [self.vectors(channel).numpy() for channel in range(len(CHANNELS))]

    def remember(self, channel: int, rows: Rows, vectors: Tensor) -> None:
        """Put newer vectors in the place of some (a memory bank, Wu et al. 2018, 1805.01978)."""
        self.vectors(channel)[torch.from_numpy(rows)] = vectors.detach().float().cpu()

    def texts_of(self, channel: int, codes: Rows) -> Rows:
        """The distinct texts that some codes have in a channel."""
        return np.unique(self.members[channel][codes].indices).astype(np.int64)

    def gather(self, codes: Rows, live: Live | None = None, without: Rows | None = None) -> tuple[Tensor, Tensor]:
        """Channel vectors `(n, C, d)` and presence `(n, C)` of `codes`.

        `live` replaces some texts' vectors by fresh ones that carry gradient. `without` names texts
        of the examples channel that no code may use: an example that is a query now must not be
        found by being its own answer.
        """
        columns, present = [], []
        for channel, members in enumerate(self.members):
            members = members[codes]
            if without is not None and channel == QUERY_CHANNEL:
                members = _drop(members, without)
            columns.append(self._mean(channel, members, (live or {}).get(channel)))
            present.append(torch.from_numpy(np.diff(members.indptr) > 0).float())
        return torch.stack(columns, dim=1), torch.stack(present, dim=1).to(self.device)

    def _mean(self, channel: int, members: csr_matrix, live: tuple[Rows, Tensor] | None) -> Tensor:
        if live is None:
            return F.normalize(self._product(members, channel), dim=1)
        rows, vectors = live
        fresh = torch.from_numpy(members[:, rows].toarray()).to(self.device)  # (n, m)
        return F.normalize(self._product(_drop(members, rows), channel) + fresh @ vectors, dim=1)

    def _product(self, members: csr_matrix, channel: int) -> Tensor:
        return torch.from_numpy(members @ self.vectors(channel).numpy()).to(self.device)


def _drop(members: csr_matrix, columns: Rows) -> csr_matrix:
    """The matrix with some columns emptied, also in its sparsity pattern."""
    keep = np.ones(members.shape[1], dtype=np.float32)
    keep[columns] = 0
    kept = members.multiply(keep[None, :]).tocsr()
    kept.eliminate_zeros()
    return kept
