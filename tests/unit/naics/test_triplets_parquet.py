"""Triplets in Parquet files: the same as those drawn from the relations, resumable, and checked."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy import stats
from triplet_batches import EASY, HARD, pair_keys, same

from lib.errors import BadInput
from lib.naics import triplet_table
from lib.naics.curriculum import pairs, usable
from lib.naics.relations import hardness
from lib.naics.taxonomy import save
from lib.naics.triplets import ImplicitSource
from lib.naics.triplets_parquet import ParquetSource

STAGE = replace(HARD, positive_distance_max=3, triplet_batch=50)


@pytest.fixture(scope="module")
def table(small, tmp_path_factory):
    """A folder of several files of several small row groups with all triplets of STAGE."""
    folder = tmp_path_factory.mktemp("triplets")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(triplet_table, "GROUP_ROWS", 20_000)
        patch.setattr(triplet_table, "FILE_GROUPS", 4)
        rows = triplet_table.write(folder, small, STAGE)
    assert rows == len(pl.read_parquet(folder))
    assert len(list(folder.iterdir())) > 2
    return folder


def test_the_table_is_every_triplet_with_its_hardness(small, table):
    frame = pl.read_parquet(table)
    assert frame.schema == {"anchor": pl.UInt16, "positive": pl.UInt16, "negative": pl.UInt16, "hardness": pl.UInt8}
    anchors, positives = pairs(small, STAGE)
    grades = hardness(small, anchors[:, None], positives[:, None], np.arange(len(small.level)))
    grades[:, small.held_out] = 0
    expected = {(int(anchors[p]), int(positives[p]), int(n), int(grades[p, n])) for p, n in np.argwhere(grades)}
    assert len(frame) == len(expected) and set(frame.rows()) == expected


def test_a_limit_spreads_over_all_pairs(small, tmp_path):
    rows = triplet_table.write(tmp_path, small, STAGE, limit=50_000)
    anchors = pl.read_parquet(tmp_path)["anchor"].unique().to_numpy()
    assert 40_000 < rows <= 60_000
    assert len(np.unique(small.sector[anchors])) == 3


def test_streamed_negatives_are_distinct_and_as_hard_as_they_say(small, table):
    drawn = ParquetSource(table, small, STAGE, seed=0).batch(3)
    assert (hardness(small, drawn.anchors[:, None], drawn.positives[:, None], drawn.negatives) == drawn.hardness).all()
    assert (np.diff(np.sort(drawn.negatives, axis=1), axis=1) > 0).all()
    assert drawn.hardness.min() >= 1 and drawn.negatives.dtype == np.int64


def test_a_fresh_source_resumes_where_another_has_streamed(small, table):
    """Also across an epoch, backwards, and with positives drawn anew each epoch."""
    stage = replace(STAGE, max_positives=2)
    streaming, *fresh = (ParquetSource(table, small, stage, seed=0) for _ in range(4))
    streamed = [streaming.batch(step) for step in range(40)]
    assert streaming._plan.epoch > 0
    for source, step in zip(fresh, (0, 39, 17)):
        assert same(source.batch(step), streamed[step])
        negatives = small.distance[streamed[step].anchors[:, None], streamed[step].negatives]
        assert (negatives >= small.distance[streamed[step].anchors, streamed[step].positives][:, None]).all()
    assert same(streaming.batch(3), streamed[3])


def test_original_an_epoch_has_every_pair_once(small, table):
    """There every data-loader worker replayed the whole file."""
    every = list(zip(*(column.tolist() for column in pairs(small, STAGE))))
    source = ParquetSource(table, small, replace(STAGE, triplet_batch=1), seed=0)
    drawn = pair_keys([source.batch(step) for step in range(len(every))])
    assert source._plan.epoch == 0 and sorted(drawn) == sorted(every)


def test_a_window_of_row_groups_is_all_that_is_in_memory(small, table):
    source = ParquetSource(table, small, STAGE, seed=0)
    assert source._negatives.nbytes <= 2 * 4 * max(unit.rows for unit in source.units) < 2 * len(pl.read_parquet(table))


def test_a_stage_takes_its_own_pairs_out_of_a_larger_table(small, table):
    near = replace(STAGE, positive_levels=(6,), positive_distance_max=2)
    source = ParquetSource(table, small, near, seed=0)
    assert len(source.index.anchors) == usable(small, near).sum()


def frequencies(source, steps: int, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How often each pair, each bucket of each positive distance, and each negative was drawn."""
    pair, bucket, negative = np.zeros(n * n), np.zeros((n, 9)), np.zeros(n)
    for step in range(steps):
        drawn = source.batch(step)
        np.add.at(pair, drawn.anchors * n + drawn.positives, 1)
        np.add.at(bucket, (drawn.anchors[:, None], drawn.hardness), 1)
        np.add.at(negative, drawn.negatives, 1)
    return pair, bucket, negative


def test_both_sources_draw_from_one_distribution(small, table):
    """Chi-square of pairs, buckets by anchor and negatives; passes end at different places, hence not whole ones."""
    stage = replace(STAGE, max_positives=2, triplet_batch=100)
    sources = ImplicitSource(small, stage, seed=11), ParquetSource(table, small, stage, seed=12)
    n, steps = len(small.level), 300
    for counts in zip(*(frequencies(source, steps, n) for source in sources)):
        both = np.array([count.ravel() for count in counts])
        both = both[:, both.sum(axis=0) >= 10]
        assert both.shape[1] > 100
        assert stats.chi2_contingency(both).pvalue > 1e-3


# What a table must not be


def rewrite(table, to, change) -> None:
    """A one-file copy of the table, changed by a function of a frame."""
    change(pl.read_parquet(table)).write_parquet(to, row_group_size=20_000)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda frame: frame.reverse(), "the rows of a pair are not sorted by hardness"),
        (lambda frame: frame, "lie in two places"),  # row groups that cut through pairs
        (lambda frame: frame.with_columns(pl.col("hardness") + 8), "out of range"),
        (lambda frame: frame.with_columns(pl.lit(9999, pl.UInt16).alias("anchor")), "out of range"),
        (lambda frame: frame.clear(), "no triplets"),
        (lambda frame: frame.drop("hardness"), "expected .'anchor', 'positive', 'negative', 'hardness'."),
        (lambda frame: frame.cast({"negative": pl.Int64}), "as uint16 and uint8"),
    ],
)
def test_a_table_out_of_order_is_named(small, table, tmp_path, change, said):
    rewrite(table, tmp_path / "t.parquet", change)
    with pytest.raises(BadInput, match=rf"t\.parquet: .*{said}"):
        ParquetSource(tmp_path / "t.parquet", small, STAGE, seed=0)


def test_a_damaged_or_missing_table_is_named(small, tmp_path):
    (tmp_path / "t.parquet").write_bytes(b"PAR1 cut")
    for path, said in ((tmp_path / "t.parquet", "damaged or not Parquet"), (tmp_path / "no", "no Parquet file")):
        with pytest.raises(BadInput, match=said):
            ParquetSource(path, small, STAGE, seed=0)


def test_a_damaged_page_is_named(small, table, tmp_path):
    whole = bytearray(min(table.iterdir()).read_bytes())
    whole[4000:8000] = bytes(4000)
    (tmp_path / "t.parquet").write_bytes(whole)
    with pytest.raises(BadInput, match=r"t\.parquet: "):
        ParquetSource(tmp_path / "t.parquet", small, STAGE, seed=0).batch(0)


def test_a_table_with_held_out_families_is_refused(small, table):
    """A table of another split: its pairs are left out, and the first negative drawn from such a family ends it."""
    half = np.arange(len(small.level)) % 2 == 0
    source = ParquetSource(table, replace(small, held_out=small.held_out | half), STAGE, seed=0)
    assert not half[source.index.anchors].any() and not half[source.index.positives].any()
    with pytest.raises(BadInput, match="a negative is of a held-out family or unknown"):
        source.batch(0)


def test_a_table_that_cannot_serve_the_curriculum_is_refused(small, table):
    for stage, said in (
        (replace(STAGE, positive_distance_min=8, positive_distance_max=8), "no pair of the curriculum"),
        (replace(STAGE, k_negatives=1000), "a pair has only .* negatives, expected k_negatives 1000"),
    ):
        with pytest.raises(BadInput, match=said):
            ParquetSource(table, small, stage, seed=0)


def test_the_script_writes_what_the_stream_reads(run_script, related, taxonomy, tmp_path):
    save(taxonomy, tmp_path / "taxonomy.parquet")
    pl.DataFrame(schema={"code": pl.String, "text": pl.String, "target": pl.String}).write_parquet(
        tmp_path / "exclusions.parquet"
    )
    knobs = ["--positive-levels", "[6]", "--bucket-percentages", '{"1": 0.875, "2": 0.125}', "--limit", 30_000]
    done = run_script("build_naics_triplets.py", "--data", tmp_path, *knobs, "--out", tmp_path / "triplets")
    assert done.returncode == 0, done.stderr
    plain = replace(related, excludes=np.zeros_like(related.excludes))
    assert ParquetSource(tmp_path / "triplets", plain, EASY, seed=0).batch(0).negatives.shape == (48, 16)
