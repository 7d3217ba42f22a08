"""Nothing that judges is read in training, and the tables that later steps read are checked."""

import itertools
from dataclasses import replace

import polars as pl
import pytest

from lib import near
from lib.errors import BadInput
from lib.naics import leaks, tables
from lib.naics.source import JUDGES, Entry, Reference, Source
from lib.naics.taxonomy import Node


def leaking() -> tuple[Source, list[str]]:
    """A source whose judges ('Soy farms', 'Rice farms') are everywhere; and its roles."""
    listed = "Grows.\n\nIllustrative Examples:\n\nSoy farms\nFarms, rice"
    nodes = [Node("11", "Crops", listed), Node("21", "Mines", "Digs.\nSoy farms\nOre digging")]
    references = [Reference("21", "Rice farms", "11"), Reference("11", "Digging", "21")]
    texts = ["Soy farms", "Rice farms", "farms: SOY", "Rice; farms", "Farms, soy", "Crops", "Ore digging"]
    roles = ["test", "validation", "training", "examples", "validation", "test", "training"]
    return Source("folder", "", {}, nodes, references, [Entry(n, t, "11", "") for n, t in enumerate(texts)]), roles


def test_row_10_twins_of_what_judges_go_and_are_counted():
    source, removed = leaks.clear(*leaking())
    assert removed == {"entries": 4, "description_lines": 3, "exclusions": 1}
    assert [(entry.entry_id, role) for entry, role in zip(source.entries, source.roles)] == [
        (0, "test"),
        (1, "validation"),
        (6, "training"),
    ]
    assert [node.description for node in source.nodes] == ["Grows.", "Digs.\nOre digging"]
    assert [reference.text for reference in source.references] == ["Digging"]


def test_row_10_what_is_on_both_sides_is_refused_with_count_and_first_example():
    with pytest.raises(BadInput, match="2 texts are on both sides of the split, the first is 'Soy farms'"):
        leaks.refuse(["Soy farms", "Ore", "Rice farms"], ["rice FARMS", "Farms, soy"], "entries")
    leaks.refuse(["Soy farms"], ["Rice farms"], "entries")


def test_the_published_split_is_left_whole(census_source):
    """496 of its judges stand as lines in descriptions, 887 times, because descriptions are inherited."""
    source, removed = leaks.clear(census_source, census_source.roles)
    assert removed == {"entries": 0, "description_lines": 887, "exclusions": 7}
    assert source.entries == census_source.entries
    judging = {near.normalized(e.text) for e, role in zip(source.entries, source.roles) if role in JUDGES}
    lines = itertools.chain.from_iterable(node.description.split("\n") for node in source.nodes)
    assert len(judging) == 4042 + 3013
    assert judging.isdisjoint(map(near.normalized, lines))
    assert not any(node.description.endswith(leaks.HEADING) for node in source.nodes)


# The tables


@pytest.fixture
def written(tmp_path):
    """(path of entries.parquet, taxonomy) of a clean three-entry source."""
    source, _ = leaks.clear(*leaking())
    tables.entry_table(source).write_parquet(tmp_path / "entries.parquet")
    return tmp_path / "entries.parquet", tables.taxonomy_of(source)


def test_entries_come_back_with_their_roles_and_families(written):
    table = tables.read_entries(*written)
    assert table.columns == ["entry_id", "text", "code", "origin", "role", "held_out"]
    assert table["role"].to_list() == ["test", "validation", "training"]


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("code", "99", "entry 6: unknown code '99'"),
        ("role", "exam", "entry 6: unknown role 'exam'"),
        ("text", "rice farms", "1 texts are on both sides of the split, the first is 'Rice farms'"),
    ],
)
def test_a_wrong_entry_is_named(written, column, value, said):
    path, codes = written
    last = pl.col("entry_id") == 6
    pl.read_parquet(path).with_columns(pl.when(last).then(pl.lit(value)).otherwise(column).alias(column)).write_parquet(
        path
    )
    with pytest.raises(BadInput, match=f"entries.parquet: .*{said}"):
        tables.read_entries(path, codes)


def test_an_exclusion_of_an_unknown_code_is_named(tmp_path, written):
    source, _ = leaks.clear(*leaking())
    table = tables.exclusion_table(source)
    table.write_parquet(tmp_path / "good.parquet")
    assert tables.read_exclusions(tmp_path / "good.parquet", written[1]).rows() == [("11", "Digging", "21")]
    table.with_columns(target=pl.lit("99")).write_parquet(tmp_path / "bad.parquet")
    with pytest.raises(BadInput, match=r"bad.parquet: unknown target '99'"):
        tables.read_exclusions(tmp_path / "bad.parquet", written[1])


def test_an_exclusion_that_leads_nowhere_is_named():
    source, _ = leaks.clear(*leaking())
    astray = replace(source, references=[Reference("11", "Fishing", "114")])
    with pytest.raises(BadInput, match="an exclusion sends 11 to 114: no such code"):
        tables.taxonomy_of(astray)


def test_examples_of_a_code_are_its_example_entries():
    source = Source("folder", "", {}, [Node("11", "Crops")], [], [Entry(0, "Soy", "11", ""), Entry(1, "Rye", "11", "")])
    source, _ = leaks.clear(source, ["examples", "training"])
    assert tables.taxonomy_of(source).nodes[0].examples == ["Soy"]
