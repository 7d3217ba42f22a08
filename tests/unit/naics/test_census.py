"""The Census files as they are: nothing is lost, nothing is left of their quirks, and damage is named."""

from collections import Counter
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from lib.errors import BadInput
from lib.naics import census
from lib.naics.source import Entry, Reference
from lib.naics.taxonomy import build


def test_no_code_is_lost_whatever_the_reader_makes_of_newlines(census_source):
    """The original kept 389 of 2,125 codes once its reader turned CRLF into LF."""
    assert len(build(census_source.nodes, "census")) == 2125
    assert sum(bool(node.description) for node in census_source.nodes) == 2125 - 14
    text = "The Sector.\n\nIt  farms.\t\n- Soy\n"
    for newline in ("\n", "\r\n", "\r", "_x000D_\n"):
        assert census.clean(text.replace("\n", newline)) == "The Sector.\n\nIt farms.\n- Soy"


def test_descriptions_are_clean(census_source):
    for node in census_source.nodes:
        assert "Cross-References" not in node.description and "\r" not in node.description
        assert node.description != "NULL" and not node.description.startswith("See industry description")
        assert not node.title.endswith("T") and node.title == node.title.strip()


def test_inherited_descriptions_say_where_they_come_from(census_source):
    described = {node.code: (node.description, node.description_from) for node in census_source.nodes}
    assert Counter(len(code) for code, (_, origin) in described.items() if origin) == {5: 522, 4: 140}
    assert described["11111"] == (described["111110"][0], "111110")
    assert described["9271"] == (described["927110"][0], "927110")
    assert described["3111"][1] == "" or described[described["3111"][1]][0] == described["3111"][0]
    assert [code for code, (text, _) in described.items() if not text and len(code) != 4] == []


def test_null_of_a_code_with_several_children_stays_empty():
    raw = {
        "1111": "NULL",
        "11111": "One",
        "11112": "Two",
        "1112": "NULL",
        "11121": "See industry description for 111210.",
    }
    raw["111210"] = "Potatoes\n\nCross-References. Establishments primarily engaged in--"
    assert census._describe("1111", raw) == ("", "")
    assert census._describe("1112", raw) == ("Potatoes", "111210")


def test_the_index_has_20373_entries_and_25_pointers(census_folder, census_source):
    rows = pl.read_excel(census_folder / census.INDEX, infer_schema_length=0)
    assert len(rows) == 20_373 + 25
    assert len(census_source.entries) == 20_373
    assert [entry.entry_id for entry in census_source.entries] == list(range(20_373))
    assert census_source.entries[0] == Entry(0, "Soybean farming, field and seed production", "111110", "index")
    assert all(len(entry.code) == 6 for entry in census_source.entries)


def test_published_roles_are_aligned_by_entry_id(census_folder, census_source):
    assert Counter(census_source.roles) == {"examples": 6118, "training": 7200, "validation": 4042, "test": 3013}
    published = pl.read_csv(census_folder / census.ENTRY_ROLES, schema_overrides={"code": pl.String})
    assert published["code"].to_list() == [entry.code for entry in census_source.entries]


def test_references_of_4533_of_4601_rows_name_4563_codes(census_folder, census_source):
    """The other 68 rows name no code: 'according to the primary activity', 'in the Manufacturing sector'."""
    rows = census._rows(census_folder / census.REFERENCES, "Code", "Cross-Reference")
    parsed = [census.parse_reference(code, text) for code, text in rows]
    assert (len(rows), sum(map(bool, parsed)), sum(map(len, parsed))) == (4601, 4533, 4563)
    codes = {node.code for node in census_source.nodes}
    assert {reference.target for reference in census_source.references} <= codes
    assert not any("classified" in reference.text for reference in census_source.references)


@pytest.mark.parametrize(
    ("sentence", "text", "targets"),
    [
        ("Growing soybeans--are classified in Industry 111110, Soybean Farming; and", "Growing soybeans", ["111110"]),
        (
            "Establishments primarily engaged in selling dates are classified in Industry Group 4452, Food.",
            "Selling dates",
            ["4452"],
        ),
        ("Making things--are classified in Sector 31-33, Manufacturing.", "Making things", ["31-33"]),
        ("Air-conditioning--are lclassified in Industry 423730, Wholesalers; and", "Air-conditioning", ["423730"]),
        (
            "Trees (cycle of 10 years)--are classified in U.S. Industry 111421 or Subsector 113.",
            "Trees (cycle of 10 years)",
            ["111421", "113"],
        ),
        ("Legal subdivision--are classified according to the primary activity.", "", []),
    ],
)
def test_a_cross_reference_gives_activity_and_targets(sentence, text, targets):
    assert census.parse_reference("111120", sentence) == [Reference("111120", text, target) for target in targets]


# Damaged and incomplete folders


def copy_of(folder: Path, to: Path, *names: str) -> Path:
    for name in names or (*census.FILES, census.ENTRY_ROLES):
        (to / name).write_bytes((folder / name).read_bytes())
    return to


def test_a_missing_file_is_named(census_folder, tmp_path):
    copy_of(census_folder, tmp_path, census.CODES, census.REFERENCES, census.DESCRIPTIONS)
    with pytest.raises(BadInput, match=r"2022_NAICS_Index_File.xlsx: no such file"):
        census.read(tmp_path, "folder", "")


def test_a_cut_workbook_is_named(census_folder, tmp_path):
    copy_of(census_folder, tmp_path)
    whole = (tmp_path / census.INDEX).read_bytes()
    for content in (whole[:1000], b"<html>", b""):
        (tmp_path / census.INDEX).write_bytes(content)
        with pytest.raises(BadInput, match=r"2022_NAICS_Index_File.xlsx: not a workbook, damaged or cut short"):
            census.read(tmp_path, "folder", "")


def workbook(path: Path, *rows: tuple[str, ...]) -> None:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)


@pytest.mark.parametrize(
    ("header", "row", "said"),
    [
        (("NAICS22", "TEXT"), ("111110", "Soy"), "missing column 'INDEX ITEM DESCRIPTION'"),
        (("NAICS22", "INDEX ITEM DESCRIPTION"), ("111119", "Soy"), "row 2: code '111119' is not in"),
        (("NAICS22", "INDEX ITEM DESCRIPTION"), ("111110", " "), "row 2: empty description of code 111110"),
    ],
)
def test_row_16_a_wrong_index_row_is_named(tmp_path, header, row, said):
    workbook(tmp_path / census.INDEX, header, row)
    with pytest.raises(BadInput, match=said):
        census._entries(tmp_path / census.INDEX, {"111110"})


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("11", "Farms."), ("111", "Crops."), ("111", "Again.")], "code 111 stands 2 times"),
        ([("11", "Farms.")], "code 111 has no description"),
        ([("11", "Farms."), ("111", "See industry description for 111110.")], "code 111 has no description"),
        ([("11", "Farms."), ("111", "NULL")], None),
    ],
)
def test_row_17_descriptions_fit_the_codes(tmp_path, rows, said):
    workbook(tmp_path / census.DESCRIPTIONS, ("Code", "Description"), *rows)
    titles = {"11": "Agriculture", "111": "Crop Production"}
    if said is None:
        assert [node.description for node in census._nodes(titles, tmp_path / census.DESCRIPTIONS, [])] == [
            "Farms.",
            "",
        ]
    else:
        with pytest.raises(BadInput, match=f"2022_NAICS_Descriptions.xlsx: {said}"):
            census._nodes(titles, tmp_path / census.DESCRIPTIONS, [])


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["0,111110,test"], "1 roles, but the index has 2 entries"),
        (["0,111110,test", "1,111110,test"], "row 3: expected entry 1 of code 111120"),
        (["0,111110,test", "1,111120,exam"], "row 3: role 'exam', expected one of examples, training"),
    ],
)
def test_roles_that_do_not_fit_the_index_are_refused(tmp_path, lines, said):
    (tmp_path / "roles.csv").write_text("\n".join(["entry_id,code,role", *lines]))
    entries = [Entry(0, "Soy", "111110", "index"), Entry(1, "Rape", "111120", "index")]
    with pytest.raises(BadInput, match=said):
        census.read_roles(tmp_path / "roles.csv", entries)
