"""The curriculum's triplets: which pairs, how many negatives of which hardness, and what a batch depends on."""

import itertools
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from triplet_batches import EASY, HARD, MEDIUM, pair_keys, same

from lib.errors import BadInput
from lib.naics import sampling
from lib.naics.curriculum import epoch_order, pairs
from lib.naics.relations import hardness
from lib.naics.triplets import ImplicitSource

# The curriculum


def test_negatives_of_a_stage_add_up_to_k_in_its_shares():
    """Columns are buckets 8 to 1."""
    assert EASY.wanted.tolist() == [0, 0, 0, 0, 0, 0, 2, 14]
    assert MEDIUM.wanted.tolist() == [0, 0, 2, 2, 0, 0, 4, 8]
    assert HARD.wanted.tolist() == [1, 0, 1, 2, 2, 1, 3, 6]
    assert HARD.wanted.sum() == replace(HARD, k_negatives=40).wanted.sum() - 24 == 16


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"bucket_percentages": {1: 0.5, 2: 0.4}}, "the shares add up to 0.9, expected 1"),
        ({"bucket_percentages": {0: 1.0}}, "expected positive shares of buckets 1 to 8"),
        ({"bucket_percentages": {1: 1.5, 2: -0.5}}, "expected positive shares of buckets 1 to 8"),
        ({"positive_levels": (1, 6)}, "expected levels 2 to 6"),
        ({"positive_distance_min": 3, "positive_distance_max": 2}, "3 to 2 is empty"),
        ({"k_negatives": 0}, r"max_positives: \(0, 48, 0\), expected at least \(1, 1, 0\)"),
    ],
)
def test_a_wrong_knob_is_named(knobs, said):
    with pytest.raises(BadInput, match=said):
        replace(HARD, **knobs)


def test_original_siblings_are_positives_because_distances_are_inclusive(taxonomy, related):
    """There a strict `< 2.0` left every sibling out."""
    near = replace(HARD, positive_distance_max=2)
    anchors, positives = pairs(related, near)
    siblings = taxonomy.parent[anchors] == taxonomy.parent[positives]
    assert siblings.sum() > 3000
    assert set(related.distance[anchors, positives].tolist()) == {1, 2}
    assert set(related.distance[pairs(related, replace(near, positive_distance_min=2))].tolist()) == {2}


def test_pair_counts_of_the_stages_on_the_census_taxonomy(census_relations):
    counts = [len(pairs(census_relations, stage)[0]) for stage in (EASY, MEDIUM, HARD)]
    assert counts == [211_181, 333_571, 410_906]
    near = [len(pairs(census_relations, replace(stage, positive_distance_max=2))[0]) for stage in (EASY, MEDIUM, HARD)]
    assert near == [1850, 4644, 9383]


@pytest.mark.parametrize("stage", [EASY, MEDIUM, HARD])
def test_pairs_are_of_one_sector_and_no_held_out_family(taxonomy, related, stage):
    anchors, positives = pairs(related, stage)
    assert (related.sector[anchors] == related.sector[positives]).all()
    assert not taxonomy.held_out[anchors].any() and not taxonomy.held_out[positives].any()
    assert set(taxonomy.level[positives].tolist()) == set(stage.positive_levels)
    assert (taxonomy.twin[anchors] != taxonomy.twin[positives]).all()
    assert not related.excludes[anchors, positives].any()


def test_a_curriculum_without_pairs_is_refused(related):
    with pytest.raises(BadInput, match="the curriculum has no pairs"):
        pairs(related, replace(EASY, positive_distance_min=9, positive_distance_max=9))


def test_an_epoch_draws_at_most_max_positives_an_anchor_and_others_the_next_time(related):
    anchors, _ = pairs(related, MEDIUM)
    epochs = [epoch_order(anchors, 4, 0, epoch) for epoch in range(2)]
    available = Counter(anchors.tolist())
    for order in epochs:
        assert Counter(anchors[order].tolist()) == {anchor: min(4, n) for anchor, n in available.items()}
    assert set(epochs[0].tolist()) != set(epochs[1].tolist())


def test_every_positive_of_an_anchor_is_drawn_alike():
    anchors = np.repeat([3, 7], [6, 2])
    drawn = Counter(np.concatenate([epoch_order(anchors, 2, 5, epoch) for epoch in range(3000)]).tolist())
    assert stats.chisquare([drawn[pair] for pair in range(6)]).pvalue > 1e-3
    assert drawn[6] == drawn[7] == 3000


# The draw


@given(
    arrays(np.int64, (5, 8), elements=st.integers(0, 12)),
    arrays(np.int64, 8, elements=st.integers(0, 4)),
)
def test_allocation_gives_k_of_what_is_there(sizes, wanted):
    sizes[:, 7] += 32
    take = sampling.allocate(sizes, wanted)
    assert (take.sum(axis=1) == wanted.sum()).all()
    assert ((take >= 0) & (take <= sizes)).all()
    enough = (sizes >= wanted).all(axis=1)
    assert (take[enough] == wanted).all()


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([9, 9, 9, 9, 9, 9, 9, 9], [2, 0, 2, 0, 0, 0, 2, 0]),
        ([0, 9, 9, 9, 9, 9, 9, 9], [0, 0, 4, 0, 0, 0, 2, 0]),  # what 8 lacks is due from 6, not from 7
        ([9, 9, 9, 9, 9, 9, 1, 9], [2, 0, 3, 0, 0, 0, 1, 0]),  # what the lowest lacks is due from the next higher
        ([9, 9, 1, 9, 9, 9, 0, 9], [5, 0, 1, 0, 0, 0, 0, 0]),
        ([1, 9, 1, 9, 9, 9, 1, 2], [1, 0, 1, 0, 0, 1, 1, 2]),  # then from outside the curriculum, the easiest first
    ],
)
def test_original_an_empty_bucket_falls_back_down_then_up_then_outside(sizes, expected):
    assert sampling.allocate(np.array([sizes]), np.array([2, 0, 2, 0, 0, 0, 2, 0]))[0].tolist() == expected


def test_sampling_without_replacement_is_uniform_over_subsets():
    """Against all 10 * 3 ways to take 2 of 5 and 1 of 3."""
    n = 30_000
    sizes = np.zeros((n, 8), dtype=np.int64)
    sizes[:, [2, 7]] = 5, 3
    starts = np.full((n, 8), 40)
    starts[:, 7] = 100
    wanted = np.array([0, 0, 2, 0, 0, 0, 0, 1])
    positions, columns = sampling.draw(starts, sizes, wanted, np.random.default_rng(0))
    assert (columns == [2, 2, 7]).all()
    counts = Counter((*sorted(row[:2]), row[2]) for row in positions.tolist())
    subsets = [(a, b, c) for a, b in itertools.combinations(range(40, 45), 2) for c in range(100, 103)]
    assert stats.chisquare([counts[subset] for subset in subsets]).pvalue > 1e-3
    assert set(counts) == set(subsets)


# The implicit source


@pytest.mark.parametrize("stage", [EASY, MEDIUM, HARD, replace(HARD, positive_distance_max=2, max_positives=3)])
def test_drawn_negatives_are_distinct_and_as_hard_as_they_say(taxonomy, related, stage):
    drawn = ImplicitSource(related, replace(stage, triplet_batch=512), seed=3).batch(5)
    assert drawn.negatives.shape == drawn.hardness.shape == (512, 16)
    assert (
        hardness(related, drawn.anchors[:, None], drawn.positives[:, None], drawn.negatives) == drawn.hardness
    ).all()
    assert drawn.hardness.min() >= 1
    assert (np.diff(np.sort(drawn.negatives, axis=1), axis=1) > 0).all()
    for rows in (drawn.anchors, drawn.positives, drawn.negatives):
        assert not taxonomy.held_out[rows].any()


def test_shares_are_met_where_the_buckets_are_full(related):
    """Positives at distance 1 or 2 leave room for every lead; farther ones cannot have hard negatives."""
    source = ImplicitSource(related, replace(MEDIUM, positive_distance_max=1, triplet_batch=1024), seed=0)
    hard = np.array([(source.batch(step).hardness >= 5).sum(axis=1) for step in range(2)])
    assert (hard <= 4).all() and hard.mean() > 3.5


def test_a_batch_is_a_function_of_seed_and_step(related):
    one, other = (ImplicitSource(related, MEDIUM, seed=1) for _ in range(2))
    streamed = [one.batch(step) for step in range(6)]
    assert same(streamed[4], other.batch(4)) and same(streamed[1], other.batch(1))
    assert not same(streamed[0], streamed[1])
    assert not same(streamed[0], ImplicitSource(related, MEDIUM, seed=2).batch(0))


def test_an_epoch_has_every_pair_once(small):
    stage = replace(HARD, positive_distance_max=2, triplet_batch=7)
    every, source = list(zip(*(column.tolist() for column in pairs(small, stage)))), ImplicitSource(small, stage, 0)
    keys = pair_keys([source.batch(step) for step in range(len(every) // 7 + 2)])
    assert sorted(keys[: len(every)]) == sorted(every)
    assert len(set(keys[len(every) : len(every) + 7])) == 7


def test_too_few_negatives_for_k_is_refused(small):
    with pytest.raises(BadInput, match="k_negatives 229: a pair has only"):
        ImplicitSource(small, replace(HARD, k_negatives=229), seed=0)


def test_drawing_triplets_never_imports_torch(run_python):
    done = run_python("import sys; from lib.naics import triplets, triplets_parquet; assert 'torch' not in sys.modules")
    assert done.returncode == 0, done.stderr
