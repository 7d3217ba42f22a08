"""Who trains and who judges: events, sides, sizes."""

import random
from collections import Counter
from dataclasses import replace

import pytest
import tiny_contracts

from lib.correlation import splits
from lib.correlation.source import Contract, Measured
from lib.errors import BadInput

SIZES = tiny_contracts.SIZES


@pytest.fixture(scope="module")
def world():
    return tiny_contracts.source()


def sides_of(source, sizes=SIZES):
    event = splits.events(source.contracts)
    used = [contract for pair in source.pairs for contract in (pair.a, pair.b)]
    return event, splits.assign(event, used, sizes.shares, sizes.seed)


def test_every_pair_lies_within_its_side_or_is_dropped(world):
    event, side_of = sides_of(world)
    within = splits.within(world.pairs, event, side_of)
    for side, rows in within.items():
        assert {side_of[event[id]] for row in rows for id in (world.pairs[row].a, world.pairs[row].b)} == {side}
    crossing = sum(side_of[event[pair.a]] != side_of[event[pair.b]] for pair in world.pairs)
    assert len(world.pairs) == sum(map(len, within.values())) + crossing and crossing


def test_sides_have_contracts_as_the_roots_of_their_shares(world):
    """12 cities: roots of .70, .15 and .15 are as 6.2 to 2.9 to 2.9."""
    _, side_of = sides_of(world)
    assert Counter(side_of.values()) == {"train": 6, "validation": 3, "test": 3}


def test_the_largest_event_trains(world):
    many = [Contract(f"c{n:02}", f"Will Number{n} win the cup?", "cup") for n in range(30)]
    event = splits.events([*world.contracts, *many])
    assert splits.assign(event, event, SIZES.shares, SIZES.seed)["cup"] == "train"


def test_the_split_is_a_function_of_names_and_seed_not_of_their_order(world):
    shuffled = replace(
        world,
        contracts=random.Random(1).sample(world.contracts, len(world.contracts)),
        pairs=random.Random(2).sample(world.pairs, len(world.pairs)),
    )
    assert sides_of(world) == sides_of(shuffled)
    assert sides_of(world) != sides_of(world, replace(SIZES, seed=2))


def test_events_are_told_by_source_else_by_wording_and_equal_words_are_always_one():
    told = [
        Contract("a", "Will Ann win the seat?", "race 1"),
        Contract("b", "Will Bob win the seat?", "race 2"),
        Contract("c", "Will Cy win the bet?"),
        Contract("d", "Will Dan win the bet?"),
        Contract("e", "Will Gold reach 5 in May?"),
        Contract("f", "Will Gold reach 6 in June?"),
        Contract("g", "will BOB win the seat", "race 3"),
    ]
    assert splits.events(told) == {
        "a": "race 1", "b": "race 2", "c": "c", "d": "c", "e": "e", "f": "e", "g": "race 2"
    }  # fmt: skip


def test_too_few_events_are_refused():
    event = {"a": "x", "b": "x", "c": "y", "d": "y"}
    with pytest.raises(BadInput, match="2 events, expected more"):
        splits.assign(event, event, SIZES.shares, SIZES.seed)


def test_a_cut_keeps_strata_even_and_is_drawn_by_lot():
    strata = ["far"] * 80 + ["near"] * 15 + ["same_event"] * 5
    names = [f"pair {n}" for n in range(100)]
    rows = splits.cut(names, strata, 35, seed=1)
    assert Counter(strata[row] for row in rows) == {"far": 15, "near": 15, "same_event": 5}
    assert rows == sorted(rows) and rows != splits.cut(names, strata, 35, seed=2)
    assert splits.cut(names, strata, 1000, seed=1) == list(range(100))


def test_the_random_split_has_the_shares_of_the_same_pairs():
    names = [f"pair {n}" for n in range(200)]
    assert Counter(splits.at_random(names, SIZES).values()) == {"train": 140, "validation": 30, "test": 30}


def test_measured_pairs_sort_by_their_contracts():
    assert sorted([Measured("b", "c", 0.1), Measured("a", "z", 0.9)])[0].a == "a"
