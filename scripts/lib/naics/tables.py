"""The tables that prepare_naics.py writes and every later step reads."""

from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import polars as pl

from ..errors import BadInput
from ..parquet import check_rows, read_table
from . import leaks
from .codes import in_held_out_family
from .source import JUDGES, ROLES, Source
from .taxonomy import Taxonomy, build

TAXONOMY, ENTRIES, EXCLUSIONS, SOURCE = "taxonomy.parquet", "entries.parquet", "exclusions.parquet", "source.json"
ENTRY_SCHEMA: dict[str, type[pl.DataType]] = {
    "entry_id": pl.UInt32,
    "text": pl.String,
    "code": pl.String,
    "origin": pl.String,
    "role": pl.String,
    "held_out": pl.Boolean,
}
EXCLUSION_SCHEMA: dict[str, type[pl.DataType]] = {"code": pl.String, "text": pl.String, "target": pl.String}


def taxonomy_of(source: Source) -> Taxonomy:
    """The codes with the texts of their example entries."""
    examples: dict[str, list[str]] = defaultdict(list)
    for entry, role in zip(source.entries, source.roles):
        if role == "examples":
            examples[entry.code].append(entry.text)
    nodes = [replace(node, examples=examples[node.code]) for node in source.nodes]
    taxonomy = build(nodes, source.said)
    for reference in source.references:
        if not {reference.code, reference.target} <= taxonomy.row.keys():
            raise BadInput(f"{source.said}: an exclusion sends {reference.code} to {reference.target}: no such code")
    return taxonomy


def entry_table(source: Source) -> pl.DataFrame:
    """One row an entry; `held_out` says that its code is in a held-out family."""
    rows = [(*e, role, in_held_out_family(e.code)) for e, role in zip(source.entries, source.roles)]
    return pl.DataFrame(rows, schema=ENTRY_SCHEMA, orient="row")


def exclusion_table(source: Source) -> pl.DataFrame:
    """One row an exclusion: what `code` does not cover, and the code that does."""
    return pl.DataFrame(source.references, schema=EXCLUSION_SCHEMA, orient="row")


def read_entries(path: Path | str, taxonomy: Taxonomy) -> pl.DataFrame:
    """Read and check entries.parquet; BadInput names the first wrong entry, or a text on both sides of the split."""
    table = read_table(path, list(ENTRY_SCHEMA))
    wrongs = {
        "empty text": pl.col("text").fill_null("").str.strip_chars() == "",
        "unknown code {code!r}": ~pl.col("code").fill_null("").is_in(taxonomy.codes),
        "unknown role {role!r}": ~pl.col("role").fill_null("").is_in(ROLES),
        "stands twice": pl.col("entry_id").is_duplicated(),
    }
    check_rows(table, wrongs, path, "entry {entry_id}")
    judged = table.filter(pl.col("role").is_in(JUDGES))["text"]
    trained = table.filter(~pl.col("role").is_in(JUDGES))["text"]
    leaks.refuse(judged, [*trained, *taxonomy.channel("title")], str(path))
    return table


def read_exclusions(path: Path | str, taxonomy: Taxonomy) -> pl.DataFrame:
    """Read and check exclusions.parquet; BadInput for a code that the taxonomy does not have."""
    table = read_table(path, list(EXCLUSION_SCHEMA))
    for column in ("code", "target"):
        unknown = table.filter(~pl.col(column).fill_null("").is_in(taxonomy.codes))[column]
        if len(unknown):
            raise BadInput(f"{path}: unknown {column} {unknown[0]!r}")
    return table


def counts(taxonomy: Taxonomy, source: Source) -> dict[str, object]:
    """What source.json says of the amounts."""
    return {
        "codes": len(taxonomy),
        "codes_by_level": {str(level): count for level, count in sorted(Counter(taxonomy.level.tolist()).items())},
        "held_out_codes": int(taxonomy.held_out.sum()),
        "only_children": int(taxonomy.only_child.sum()),
        "empty_descriptions": taxonomy.channel("description").count(""),
        "entries_by_role": {role: Counter(source.roles)[role] for role in ROLES},
        "exclusions": len(source.references),
    }
