"""The table of codes: its shape on the real data, and what is refused."""

import hashlib
from collections import Counter

import numpy as np
import polars as pl
import pytest

from lib.errors import BadInput
from lib.naics.codes import level_of
from lib.naics.taxonomy import CHANNELS, Node, build, load, save

TREE = ["11", "111", "1111", "11111", "111110", "31-33", "311", "332"]


def nodes_of(*names: str) -> list[Node]:
    return [Node(name, f"Title of {name}") for name in names]


def test_the_real_table_has_2125_codes_on_five_levels(taxonomy):
    assert Counter(taxonomy.level.tolist()) == {2: 20, 3: 96, 4: 308, 5: 689, 6: 1012}
    assert [code for code in taxonomy.codes if "-" in code] == ["31-33", "44-45", "48-49"]


def test_range_sectors_are_one_node(taxonomy):
    assert taxonomy.path("332111") == ["31-33", "332", "3321", "33211", "332111"]
    assert taxonomy.path("455110")[0] == taxonomy.path("441110")[0] == "44-45"
    assert taxonomy.path("31-33") == ["31-33"]


def test_official_order_is_a_preorder(taxonomy):
    """Every code's descendants follow it without a gap, and every level rises by its digits."""
    for row in range(len(taxonomy)):
        below = np.flatnonzero(taxonomy.ancestors[:, taxonomy.level[row] - 2] == row)
        assert (below == np.arange(row, row + len(below))).all()
    six = [code for code in taxonomy.codes if len(code) == 6 and "-" not in code]
    assert six == sorted(six)


def test_ancestors_are_the_path(taxonomy):
    for row in range(0, len(taxonomy), 7):
        path = [taxonomy.row[code] for code in taxonomy.path(taxonomy.codes[row])]
        assert taxonomy.ancestors[row].tolist() == path + [-1] * (5 - len(path))


def test_children_are_the_rows_whose_parent_it_is(taxonomy):
    assert [taxonomy.codes[row] for row in taxonomy.children(taxonomy.row["2211"])] == ["22111", "22112"]
    assert sum(len(taxonomy.children(row)) for row in range(len(taxonomy))) == len(taxonomy) - 20


def test_522_industries_have_one_national_industry(taxonomy):
    """Unary pairs, which parent supervision and scoring leave out."""
    by_level = Counter(taxonomy.level[taxonomy.only_child].tolist())
    assert by_level == {6: 522, 5: 140, 4: 24, 3: 4}


def test_a_chain_of_only_children_has_one_twin(taxonomy):
    rows = [taxonomy.row[code] for code in ("927", "9271", "92711", "927110")]
    assert {int(taxonomy.twin[row]) for row in rows} == {rows[0]}
    assert taxonomy.twin[taxonomy.row["221111"]] == taxonomy.row["221111"]
    assert len(set(taxonomy.twin.tolist())) == len(taxonomy) - taxonomy.only_child.sum()


def test_held_out_families_are_whole_4_digit_groups(taxonomy):
    for code, out in zip(taxonomy.codes, taxonomy.held_out):
        digest = int(hashlib.sha256(code[:4].encode()).hexdigest()[:8], 16)
        assert out == (level_of(code) >= 4 and digest % 10 == 0)
    assert int(taxonomy.held_out.sum()) == 264
    assert sum(out for out, level in zip(taxonomy.held_out, taxonomy.level) if level == 4) == 40


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["11", "1111"], "code 1111 has no parent, expected 111"),
        (["11", "111", "111"], "code 111 stands 2 times"),
        (["11", "11a"], "code '11a' is not 2 to 6 digits"),
        (["11", "1111110"], "code '1111110' is not 2 to 6 digits"),
        (["11", "011"], "code '011' is not 2 to 6 digits"),
        (["11", ""], "code '' is not 2 to 6 digits"),
        (["31-33", "341"], "code 341 has no parent, expected 34"),
        ([], "no codes"),
    ],
)
def test_row_17_wrong_codes_are_named(names, said):
    with pytest.raises(BadInput, match=said):
        build(nodes_of(*names), "table")


@pytest.mark.parametrize(
    ("parents", "said"),
    [
        (["", "11", "1111", "1111"], "code 1111 is above itself, the parents form a cycle"),
        (["", "1111", "111", "1111"], "cycle"),
        (["", "11", "11", "1111"], "code 1111 stands below 11, expected one digit less"),
        (["", "", "111", "1111"], "code 111 stands below nothing"),
    ],
)
def test_row_17_wrong_parents_are_named(parents, said):
    with pytest.raises(BadInput, match=said):
        build(nodes_of("11", "111", "1111", "11111"), "table", parents)


@pytest.mark.parametrize("title", ["", "  "])
def test_row_16_an_empty_title_is_refused(title):
    with pytest.raises(BadInput, match="table: code 111 has an empty title"):
        build([*nodes_of("11"), Node("111", title)], "table")


def test_the_order_of_the_source_does_not_matter():
    built = build(nodes_of(*reversed(TREE)), "table")
    assert built.codes == TREE
    assert built.parent.tolist() == [-1, 0, 1, 2, 3, -1, 5, 5]


def test_channels_give_one_text_a_code_and_nothing_for_nothing():
    full = Node("11", "Title", "Words", "", ["No growing.", "No mining."], ["Farm", "Ranch"])
    built = build([full, *nodes_of("21")], "table")
    assert [built.channel(name)[0] for name in CHANNELS] == [
        "Title",
        "Words",
        "No growing.; No mining.",
        "Farm; Ranch",
    ]
    assert [built.channel(name)[1] for name in CHANNELS] == ["Title of 21", "", "", ""]


def test_what_is_saved_is_loaded_and_twice_the_same_bytes(taxonomy, tmp_path):
    for name in ("a", "b"):
        save(taxonomy, tmp_path / name)
    loaded = load(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert loaded.codes == taxonomy.codes
    assert (loaded.parent == taxonomy.parent).all() and (loaded.level == taxonomy.level).all()
    assert [loaded.channel(name) for name in ("title", "excluded")] == [
        taxonomy.channel(name) for name in ("title", "excluded")
    ]


def test_a_damaged_table_is_named(taxonomy, tmp_path):
    save(taxonomy, tmp_path / "t.parquet")
    whole = (tmp_path / "t.parquet").read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"not a table"):
        (tmp_path / "t.parquet").write_bytes(content)
        with pytest.raises(BadInput, match=r"t\.parquet: damaged or not Parquet"):
            load(tmp_path / "t.parquet")
    with pytest.raises(BadInput, match="no such file"):
        load(tmp_path / "absent.parquet")


def test_a_missing_column_is_named(taxonomy, tmp_path):
    save(taxonomy, tmp_path / "t.parquet")
    pl.read_parquet(tmp_path / "t.parquet").drop("parent").write_parquet(tmp_path / "t.parquet")
    with pytest.raises(BadInput, match=r"t\.parquet: missing column 'parent'"):
        load(tmp_path / "t.parquet")
