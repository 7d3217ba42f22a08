"""What a NAICS code says by itself: its level, its parent, and whether a table of codes is a tree.

20 sectors (level 2; 31-33, 44-45 and 48-49 are one sector each), 3-digit subsectors, 4-digit groups,
5-digit industries and 6-digit national industries.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence

from ..errors import BadInput

WELL_FORMED = re.compile(r"[1-9]\d{1,5}|[1-9]\d-[1-9]\d")


def level_of(code: str) -> int:
    """2 for a sector, ranges included, else the number of digits."""
    return 2 if "-" in code else len(code)


def in_held_out_family(code: str) -> bool:
    """True for about a tenth of the 4-digit groups, chosen by hash, and everything below them."""
    if level_of(code) < 4:
        return False
    return int(hashlib.sha256(code[:4].encode()).hexdigest()[:8], 16) % 10 == 0


def parents_by_digits(codes: Sequence[str]) -> dict[str, str]:
    """Code to parent: all digits but the last, or the range sector that covers them; "" for a sector."""
    sectors: dict[str, str] = {}
    for code in codes:
        if "-" in code:
            first, last = map(int, code.split("-"))
            sectors |= {str(number): code for number in range(first, last + 1)}
    return {code: "" if level_of(code) == 2 else sectors.get(code[:-1], code[:-1]) for code in codes}


def check(codes: Sequence[str], parents: dict[str, str], origin: str) -> None:
    """Raise BadInput naming `origin` and the first code that is malformed, doubled, orphaned or in a cycle."""
    if not codes:
        raise BadInput(f"{origin}: no codes, expected at least one sector")
    for code, count in Counter(codes).items():
        if not WELL_FORMED.fullmatch(code):
            raise BadInput(f"{origin}: code {code!r} is not 2 to 6 digits, nor a range such as 31-33")
        if count > 1:
            raise BadInput(f"{origin}: code {code} stands {count} times")
    for code, parent in parents.items():
        if parent and parent not in parents:
            raise BadInput(f"{origin}: code {code} has no parent, expected {parent} in the table")
    for code, parent in parents.items():
        _check_acyclic(code, parents, origin)
        if level_of(code) - (level_of(parent) if parent else 1) != 1:
            raise BadInput(f"{origin}: code {code} stands below {parent or 'nothing'}, expected one digit less")


def _check_acyclic(code: str, parents: dict[str, str], origin: str) -> None:
    seen, above = {code}, parents[code]
    while above:
        if above in seen:
            raise BadInput(f"{origin}: code {code} is above itself, the parents form a cycle")
        seen.add(above)
        above = parents[above]
