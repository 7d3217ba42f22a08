"""Who judges and who trains: near repeats, the drawn split, and that nothing is on both sides."""

import itertools
import random
from collections import Counter, defaultdict

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.errors import BadInput
from lib.naics import leaks, near, splits, tables
from lib.naics.source import JUDGES, ROLES, Entry, Reference, Source
from lib.naics.taxonomy import Node

# Near repeats


def near_by_definition(a: str, b: str) -> bool:
    one, two = near.trigrams(a), near.trigrams(b)
    return near.normalized(a) == near.normalized(b) or len(one & two) / len(one | two) >= near.NEAR


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("Frozen pizza, manufacturing", "Pizza manufacturing (frozen)", True),
        ("Nurses' offices", "Nurses\u2019 offices", True),
        (
            "Swimming pool and hot tub installation contractor",
            "Swimming pool and hot tub installation contractors",
            True,
        ),
        ("Pea farming, dry", "Pea farming (except dry)", False),
        ("Isobutene made from refined petroleum", "Isobutane made from refined petroleum", False),
    ],
)
def test_what_nearly_repeats(a, b, same):
    assert near_by_definition(a, b) == same
    assert near.repeats([a, b]) == [same, same]
    assert near.repeats([a], [b]) == [same]


def test_near_repeats_equal_a_comparison_of_all_pairs(source):
    texts = [entry.text for entry in source.entries if entry.code < "2122"][:150]
    texts += [text.replace("farming", "farmings") for text in texts[::9]] + [texts[3].upper()]
    titles = [node.title for node in source.nodes[:60]]
    expected = [
        any(near_by_definition(text, other) for other in [*texts[:at], *texts[at + 1 :], *titles])
        for at, text in enumerate(texts)
    ]
    assert near.repeats(texts, titles) == expected
    assert 0 < sum(expected) < len(expected)


def test_the_published_split_holds_out_no_near_repeat(census_source):
    """What the threshold was fitted to; the rule keeps 2,299 entries from judging."""
    repeating = near.repeats([e.text for e in census_source.entries], [node.title for node in census_source.nodes])
    by_role = Counter(role for role, again in zip(census_source.roles, repeating) if again)
    assert by_role == {"training": 1270, "examples": 1029}


# The drawn split


@given(st.integers(0, 60), st.lists(st.integers(1, 9), min_size=4, max_size=4))
def test_seats_are_shared_by_largest_remainder(n, weights):
    wanted = {role: n * weight / sum(weights) for role, weight in zip(ROLES, weights)}
    seats = splits._seats(wanted, n, [])
    assert seats.total() == n
    assert all(abs(seats[role] - wanted[role]) < 1 for role in ROLES)


@pytest.fixture(scope="module")
def few(source) -> list[Entry]:
    """Some thousand real entries."""
    return source.entries[:2500]


@pytest.fixture(scope="module", params=[splits.PUBLISHED, splits.PACKAGED], ids=["published", "packaged"])
def drawn(request, few, source) -> tuple[splits.Rule, list[str]]:
    return request.param, splits.draw(few, [node.title for node in source.nodes], request.param, seed=0)


def test_the_draw_follows_its_shares(few, drawn, source):
    """Within a code where no entry repeats another; over all codes where rounding is carried on."""
    rule, roles = drawn
    repeating = near.repeats([entry.text for entry in few], [node.title for node in source.nodes])
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for entry, role, again in zip(few, roles, repeating):
        counts["all codes" if rule.diffuse else entry.code][role] += 1
        counts[entry.code]["repeating"] += again
    for code, count in counts.items():
        n = count.total() - count["repeating"]
        if n > 1 and not count["repeating"] and (code == "all codes" or not rule.diffuse):
            assert all(abs(count[role] - share * n) < 1 for role, share in zip(ROLES, rule.shares))


def test_the_published_rule_gives_every_code_an_example(few, drawn):
    rule, roles = drawn
    having = {entry.code for entry, role in zip(few, roles) if role == "examples"}
    if not rule.diffuse:
        assert having == {entry.code for entry in few}


def test_no_near_repeat_judges(few, drawn, source):
    _, roles = drawn
    repeating = near.repeats([entry.text for entry in few], [node.title for node in source.nodes])
    assert not any(again for again, role in zip(repeating, roles) if role in JUDGES)


def test_the_draw_is_a_function_of_entries_and_seed_not_of_their_order(few, source, drawn):
    rule, roles = drawn
    titles = [node.title for node in source.nodes]
    shuffled = random.Random(1).sample(range(len(few)), len(few))
    again = splits.draw([few[at] for at in shuffled], titles, rule, seed=0)
    assert [roles[at] for at in shuffled] == again
    assert splits.draw(few, titles, rule, seed=1) != roles


def test_the_split_hash_names_every_entry_and_role(few, drawn):
    _, roles = drawn
    whole = splits.split_hash(few, roles)
    other = ["test" if role == "training" else role for role in roles]
    assert len({whole, splits.split_hash(few, other), splits.split_hash(few[1:], roles[1:])}) == 3
    assert whole == splits.split_hash(list(few), list(roles))


def test_the_census_draw_comes_close_to_the_published_counts(census_source):
    """Codes of one sector: the same shares within two entries a role and thousand."""
    chosen = [at for at, entry in enumerate(census_source.entries) if entry.code.startswith("81")]
    entries = [census_source.entries[at] for at in chosen]
    mine = Counter(splits.draw(entries, [node.title for node in census_source.nodes], splits.PUBLISHED, seed=0))
    published = Counter(census_source.roles[at] for at in chosen)
    assert all(abs(mine[role] - published[role]) <= 0.01 * len(entries) for role in ROLES)


# Leaks


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
    assert removed == {"entries": 4, "description lines": 3, "exclusions": 1}
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
    assert removed == {"entries": 0, "description lines": 887, "exclusions": 7}
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


def test_examples_of_a_code_are_its_example_entries():
    source = Source("folder", "", {}, [Node("11", "Crops")], [], [Entry(0, "Soy", "11", ""), Entry(1, "Rye", "11", "")])
    source, _ = leaks.clear(source, ["examples", "training"])
    assert tables.taxonomy_of(source).nodes[0].examples == ["Soy"]
