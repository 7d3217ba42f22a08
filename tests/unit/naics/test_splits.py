"""Who judges and who trains: what nearly repeats, and the drawn split."""

import random
import string
from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib import near
from lib.naics import splits
from lib.naics.source import JUDGES, ROLES, Entry

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


def test_a_text_that_is_just_near_enough_is_found():
    """46 of 50 trigrams, the missing ones being the rarest: the prefixes meet in one trigram alone."""
    shorter = string.ascii_lowercase + string.digits + "acegikmoqs"
    assert near_by_definition(shorter, shorter + " uwya") is False
    assert near_by_definition(shorter, shorter + " uwy") is True
    assert near.repeats([shorter], [shorter + " uwy"]) == [True]


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
