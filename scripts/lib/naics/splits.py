"""The role of every business description: examples, training, validation or test.

`examples` are texts of their code, `training` entries are queries to learn from, the other two judge.
Roles are drawn by hash: the same entries and seed give the same roles, in whatever order they come.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from .. import seeds
from ..near import repeats
from .source import JUDGES, ROLES, Entry


@dataclass(frozen=True)
class Rule:
    """`shares` of ROLES within a code; `diffuse` carries what rounding took from one code on to the next.

    Without diffusion every code's first seat goes to an example, as in the published split.
    """

    shares: tuple[float, float, float, float]
    diffuse: bool


PUBLISHED = Rule((0.30, 0.35, 0.20, 0.15), diffuse=False)
# A code has two entries at most as a rule, so that seats must be counted over many codes, and its
# title is example enough; 0.30 leaves as many test entries as the paired interval needs.
PACKAGED = Rule((0.20, 0.30, 0.20, 0.30), diffuse=True)


def draw(entries: Sequence[Entry], titles: Sequence[str], rule: Rule, seed: int) -> list[str]:
    """A role for each entry, in entry order; what nearly repeats another entry or a title never judges."""
    repeating = repeats([entry.text for entry in entries], titles)
    by_code: dict[str, list[int]] = defaultdict(list)
    for number in sorted(range(len(entries)), key=lambda number: _lot(entries[number], seed)):
        by_code[entries[number].code].append(number)
    roles = [""] * len(entries)
    carry = dict.fromkeys(ROLES, 0.0)
    for code in sorted(by_code):
        numbers = by_code[code]
        wanted = {role: share * len(numbers) + carry[role] for role, share in zip(ROLES, rule.shares)}
        seats = _seats(wanted, len(numbers), [] if rule.diffuse else ["examples"])
        taken = _assign(numbers, seats, repeating)
        for number in numbers:
            roles[number] = taken.get(number, "training")
        if rule.diffuse:
            given = Counter(roles[number] for number in numbers)
            carry = {role: wanted[role] - given[role] for role in ROLES}
    return roles


def _lot(entry: Entry, seed: int) -> str:
    return seeds.lot(seed, "naics split", f"{entry.code}:{entry.text}")


def _seats(wanted: dict[str, float], n: int, given: list[str]) -> Counter[str]:
    """n seats by largest remainder, the given ones first."""
    seats = Counter(given)
    while seats.total() < n:
        seats[max(ROLES, key=lambda role: wanted[role] - seats[role])] += 1
    return seats


def _assign(numbers: list[int], seats: Counter[str], repeating: list[bool]) -> dict[int, str]:
    """Entry to role: judges' seats go to the first entries that may judge, then examples; the rest train."""
    assigned: dict[int, str] = {}
    for role in (*JUDGES, "examples"):
        free = [n for n in numbers if n not in assigned and not (role in JUDGES and repeating[n])]
        assigned |= dict.fromkeys(free[: seats[role]], role)
    return assigned


def split_hash(entries: Sequence[Entry], roles: Sequence[str]) -> str:
    """What names a split: sha256 over every entry's number, role, code and text."""
    lines = (f"{e.entry_id}\t{role}\t{e.code}\t{e.text}\n" for e, role in zip(entries, roles))
    return hashlib.sha256("".join(lines).encode()).hexdigest()
