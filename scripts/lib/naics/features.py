"""Channel vectors of codes and of descriptions: what the head reads.

A code's vector in a channel is the unit mean of its texts' unit vectors; a description has its own
unit vector in the examples channel and nothing else.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from torch import Tensor

from .bank import TextBank
from .channels import ChannelEncoders
from .taxonomy import CHANNELS
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


@torch.no_grad()
def unit_vectors(bank: TextBank, encoders: ChannelEncoders | None, channel: int, rows: Rows) -> Tensor:
    """Adapted unit vectors of rows of one channel, `(m,)` to `(m, d)`, without gradient."""
    return F.normalize(bank.encode(encoders, channel, rows), dim=1)


class CodeFeatures:
    """The channel vectors of all codes, from text vectors as they are at one moment."""

    def __init__(self, bank: TextBank, encoders: ChannelEncoders | None, texts: list[ChannelTexts]) -> None:
        self.device = bank.base.device
        self.members = [channel.members for channel in texts]
        used = [np.unique(members.indices).astype(np.int64) for members in self.members]
        self.vectors = [_fill(bank, encoders, channel, rows) for channel, rows in enumerate(used)]

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
        return torch.from_numpy(members @ self.vectors[channel]).to(self.device)


def _fill(bank: TextBank, encoders: ChannelEncoders | None, channel: int, rows: Rows) -> NDArray[np.float32]:
    vectors = np.zeros(bank.channels[channel].vectors.shape, dtype=np.float32)
    vectors[rows] = unit_vectors(bank, encoders, channel, rows).cpu().numpy()
    return vectors


def _drop(members: csr_matrix, columns: Rows) -> csr_matrix:
    """The matrix with some columns emptied, also in its sparsity pattern."""
    keep = np.ones(members.shape[1], dtype=np.float32)
    keep[columns] = 0
    kept = members.multiply(keep[None, :]).tocsr()
    kept.eliminate_zeros()
    return kept
