"""Which texts make up which channel of which code, each distinct text once.

A channel of a code is the mean of its texts' vectors: one title, at most one description, its
exclusions one by one, its example entries one by one. A code above level 6 takes the examples of
the codes below it. A channel without texts is empty and stays empty: the model has a learnt
vector for that. A business description is a text of the examples channel, alone.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from ..errors import BadInput
from .taxonomy import CHANNELS, Taxonomy

QUERY_CHANNEL = CHANNELS.index("examples")  # a business description reads like an index entry

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class ChannelTexts:
    """One channel: its distinct texts, and `members` `(n_codes, n_texts)` with 1 where a code has a text."""

    texts: list[str]
    members: csr_matrix

    def rows(self, wanted: list[str]) -> Rows:
        """Rows of the given texts; each must be among `texts`."""
        index = {text: row for row, text in enumerate(self.texts)}
        return np.array([index[text] for text in wanted], dtype=np.int64)


def collect(taxonomy: Taxonomy, queries: list[str]) -> list[ChannelTexts]:
    """The channels of a taxonomy, in the order of CHANNELS; the last one also holds the queries."""
    channels = []
    for number, lists in enumerate(_texts_by_channel(taxonomy)):
        index: dict[str, int] = {}
        pairs = {(code, index.setdefault(text, len(index))) for code, own in enumerate(lists) for text in own}
        for text in queries if number == QUERY_CHANNEL else ():
            index.setdefault(text, len(index))
        codes, rows = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2).T
        members = csr_matrix((np.ones(len(codes), dtype=np.float32), (codes, rows)), (len(lists), len(index)))
        channels.append(ChannelTexts(list(index), members))
    return channels


def fingerprint(channels: Sequence[ChannelTexts]) -> str:
    """What names the texts of all channels in their order: what is computed of one order fits no other."""
    texts = (text for channel in channels for text in channel.texts)
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def require_same(channels: Sequence[ChannelTexts], about: dict[str, Any], path: Path) -> None:
    """BadInput when a file, described by `about`, was made of other texts: its rows are positions among them."""
    if about.get("texts") != fingerprint(channels):
        raise BadInput(f"{path}: made of other texts than those of the data, expected to be made from the same folder")


def _texts_by_channel(taxonomy: Taxonomy) -> list[list[list[str]]]:
    """Texts by channel and code; examples rise to the codes above, never out of a held-out family."""
    examples: list[list[str]] = [[] for _ in taxonomy.nodes]
    for row, node in enumerate(taxonomy.nodes):
        for ancestor in taxonomy.ancestors[row]:
            if ancestor >= 0 and (taxonomy.held_out[ancestor] or not taxonomy.held_out[row]):
                examples[ancestor].extend(node.examples)
    titles = [[node.title] for node in taxonomy.nodes]
    descriptions = [[node.description] if node.description else [] for node in taxonomy.nodes]
    return [titles, descriptions, [list(node.excluded) for node in taxonomy.nodes], examples]
