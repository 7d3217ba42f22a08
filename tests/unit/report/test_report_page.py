"""The page that people read: it needs nothing from elsewhere, shows every verdict first, and text stays text."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from tiny_metrics import HOSTILE

from lib import files
from lib.report import html, tables, wording
from lib.report.tables import Table

CONFIG = Path(__file__).resolve().parents[3] / "config"
VOID = {"meta", "br", "hr", "img", "link", "input"}
PICTURE = """<?xml version="1.0"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
<svg xmlns="http://www.w3.org/2000/svg"><metadata><a href="http://purl.org/dc"/></metadata>
<style>* {stroke: red}</style><path id="m" d="M 0 0"/><use xlink:href="#m" style="clip-path: url(#m)"/></svg>
"""


class Page(HTMLParser):
    """Tags in order, the text of each, what attributes point at; fails when tags do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.targets: list[str] = []
        self.ids: list[str] = []
        self.cells: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.targets += [value for name, value in attrs if name in ("src", "href", "xlink:href", "data", "action")]
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("td", "th", "caption"):
            self.cells.append("")

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th", "caption"):
            self.cells[-1] += data


def shown(results) -> list[Path | str]:
    """What the page is made of: two pipelines, one of which has stages and pictures."""
    stages = [results / f"{name}.metrics.json" for name in ("stage1", "stage2")]
    pictures = [results / "pictures" / f"{name}.svg" for name in ("losses", "gates")]
    return [results, results.with_name("tickets"), "--stages", *stages, "--pictures", *pictures]


@pytest.fixture
def page(results, run_script):
    """The page over two pipelines' folders, of which one has two pictures that share their ids."""
    for name in ("gates", "losses", "of-yesterday"):
        files.write_text(results / "pictures" / f"{name}.svg", PICTURE)
    files.write_json(results / "arms.metrics.json", files.read_json(results / "stage1.metrics.json"))
    other = results.with_name("tickets")
    other.mkdir()
    for name in ("gate.json", "metrics.json"):
        content = {**files.read_json(results / name), "pipeline": "tickets"}
        files.write_json(other / name, content)
    out = results.with_name("report.html")
    done = run_script("report_page.py", *shown(results), "--out", out)
    assert (done.returncode, done.stderr) == (0, "")
    return out.read_text()


def test_the_page_is_well_formed_and_asks_for_nothing(page):
    parsed = Page(page)
    assert parsed.tags.count("svg") == 2
    assert not {"script", "link", "img", "iframe", "object", "embed", "base"} & set(parsed.tags)
    assert len(parsed.targets) == 2 and all(target.removeprefix("#") in parsed.ids for target in parsed.targets)
    assert not re.search(r"@import|url\((?!#)", page)
    assert len(set(parsed.ids)) == len(parsed.ids), "two pictures may share ids, a page may not"
    assert "default-src 'none'" in page


def test_the_gate_comes_first_with_every_check_and_its_verdict(page):
    gate, *_ = re.findall(r"<table>.*?</table>", page, re.DOTALL)
    assert page.index("<table>") < page.index("<h2>")
    cells = Page(gate).cells
    assert cells[0] == "naics: BLOCKED, 2 of 4 checks reached"
    assert cells[1:9] == tables.gate({"pipeline": "", "passed": True, "checks": []}).header
    assert cells[9::8] == ["recall_at_1", "recall_at_1", "p95_ms", "broken"]
    short = "886.0000 short of the bar"
    broken = "the value is not a number: a broken evaluation"
    assert cells[16::8] == ["\u2713 pass"] * 2 + [f"\u2717 FAIL (advisory): {short}", f"\u2717 FAIL: {broken}"]
    assert cells[11::8][0].startswith("0.750 [0.6") and cells[15::8][0].startswith("+0.250 [+0.1")


def test_both_pipelines_are_there_with_stages_and_details(page):
    cells = Page(page).cells
    assert "tickets: BLOCKED, 2 of 4 checks reached" in cells
    assert cells.count("After each stage, validation data [95 %]") == cells.count("stage2") == 1
    assert {"accuracy at 2 digits", "0.912", "curvature", "0.750", "1.0e-12", "ab" * 32} <= set(cells)


def test_a_drawn_picture_goes_into_a_page(results, run_script):
    run_script("report_gates.py", "--gate", results / "gate.json", "--out", results / "gate.svg")
    parsed = Page(html.picture(results / "gate.svg"))
    assert parsed.tags[:3] == ["figure", "svg", "title"] and "metadata" not in parsed.tags
    assert {target.removeprefix("#") for target in parsed.targets} <= set(parsed.ids)


def test_hostile_text_is_text(page):
    assert "<script" not in page
    assert HOSTILE in Page(page).cells


def test_what_only_lies_in_the_folder_is_not_shown(page):
    assert "of-yesterday" not in page and "arms" not in Page(page).cells
    assert page.index('id="naics-losses-m"') < page.index('id="naics-gates-m"'), "in the order they are named"


def test_a_picture_of_a_pipeline_that_is_not_shown_is_refused(results, run_script, tmp_path):
    stray = tmp_path / "mamba/pictures/gates.svg"
    done = run_script("report_page.py", results, "--pictures", stray, "--out", tmp_path / "a.html")
    assert done.returncode == 2 and f"{stray}: belongs to no pipeline shown" in done.stderr
    assert not (tmp_path / "a.html").exists()


def test_the_same_results_give_the_same_page(page, results, run_script, tmp_path):
    run_script("report_page.py", *shown(results), "--out", tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text() == page


def test_numbers_keep_three_decimals_or_four_figures():
    assert [wording.number(value) for value in (0.7123, -0.5, 1812.34, None)] == ["0.712", "-0.500", "1,812.3", "-"]
    assert wording.spread(0.1, [0.05, 0.15], "+") == "+0.100 [+0.050, +0.150]"
    assert wording.spread(0.1, None) == "0.100"


def test_a_table_without_rows_is_a_table():
    assert Page(html.table(Table("none", ["a", "b"], []))).cells == ["none", "a", "b"]


@pytest.mark.parametrize("pipeline", ["naics", "tickets", "correlation", "mamba"])
def test_every_term_of_a_gate_is_explained(pipeline):
    (bars,) = yaml.safe_load((CONFIG / f"{pipeline}.yaml").read_text())["gates"].values()
    assert {bar[key] for bar in bars for key in ("metric", "slice")} - set(wording.GLOSSARY) == set()
