"""Who trains and who judges: whole events have one side, pairs that cross sides go, strata stay balanced.

Everything follows from hashes of names and a seed, so that the same pairs and seed give the same split in
whatever order they come.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .. import seeds
from ..errors import BadInput
from ..near import normalized
from .dataset import SPLITS
from .facts import frames
from .source import Contract, Measured


@dataclass(frozen=True)
class Sizes:
    """Shares of the pairs that judge, and how many pairs there are at most.

    Of more than `max_pairs` the largest strata of each split are cut to a common size.
    """

    test_share: float
    validation_share: float
    seed: int
    max_pairs: int | None = None

    @property
    def shares(self) -> dict[str, float]:
        """By split, adding up to 1."""
        given = {"validation": self.validation_share, "test": self.test_share}
        return {"train": 1 - sum(given.values())} | given


def events(contracts: Iterable[Contract]) -> dict[str, str]:
    """The event of each contract by id: what its source says, else contracts that share a frame of their wording.

    Contracts with the same words are of one event whatever the source says. An event is named by its source's
    name or by the first of its contracts.
    """
    parent: dict[object, object] = {}

    def root(node: object) -> object:
        while parent.setdefault(node, node) != node:
            node = parent[node]
        return node

    ordered = sorted(contracts)
    for contract in ordered:
        told = [contract.event] if contract.event else frames(contract.title)
        for key in (("words", normalized(contract.title)), *(("told", one) for one in told)):
            parent[root(key)] = root(contract.id)
    names: dict[object, str] = {}
    return {one.id: names.setdefault(root(one.id), one.event or one.id) for one in ordered}


def assign(event: Mapping[str, str], used: Iterable[str], shares: Mapping[str, float], seed: int) -> dict[str, str]:
    """A side of `shares` (of the pairs) for each event that `used` contracts are of.

    Pairs lie within a side, so the sides' numbers of contracts are as the roots of their shares of pairs. Events
    go, the largest first and equal ones by lot, to the side that lacks most contracts, of two to the later one.
    """
    members = Counter(event[contract] for contract in set(used))
    roots = {side: math.sqrt(share) for side, share in shares.items()}
    lacking = {side: root / sum(roots.values()) * members.total() for side, root in roots.items()}
    side_of = {}
    for name in sorted(members, key=lambda name: (-members[name], seeds.lot(seed, "correlation split", name))):
        side_of[name] = max([*shares][::-1], key=lambda side: lacking[side])
        lacking[side_of[name]] -= members[name]
    if missing := {*shares} - {*side_of.values()}:
        raise BadInput(f"contracts: {len(members)} events, expected more, so that {min(missing)} has some too")
    return side_of


def within(pairs: Sequence[Measured], event: dict[str, str], side_of: dict[str, str]) -> dict[str, list[int]]:
    """Positions of the pairs by side; those whose contracts are on two sides are left out."""
    found: dict[str, list[int]] = {side: [] for side in SPLITS}
    for at, pair in enumerate(pairs):
        sides = {side_of[event[pair.a]], side_of[event[pair.b]]}
        if len(sides) == 1:
            found[sides.pop()].append(at)
    return found


def cut(names: Sequence[str], strata: Sequence[str], room: int, seed: int) -> list[int]:
    """Positions, at most `room`, rising: strata in turn give one by lot until room or pairs end."""
    waiting: dict[str, list[int]] = defaultdict(list)
    for at in sorted(range(len(names)), key=lambda at: seeds.lot(seed, "correlation size", names[at])):
        waiting[strata[at]].append(at)
    turns = [(turn, stratum, at) for stratum, queue in waiting.items() for turn, at in enumerate(queue)]
    return sorted(at for _, _, at in sorted(turns)[:room])


def at_random(names: Sequence[str], sizes: Sizes) -> dict[str, str]:
    """A split of the same pairs by lot, whatever their contracts."""
    drawn = sorted(names, key=lambda name: seeds.lot(sizes.seed, "correlation random split", name))
    test, validation = (round(sizes.shares[side] * len(drawn)) for side in ("test", "validation"))
    sides = ["test"] * test + ["validation"] * validation
    return dict(zip(drawn, sides + ["train"] * (len(drawn) - len(sides))))
