"""What people read: a page that needs nothing from elsewhere, pictures with stable bytes, a card without claims."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch

import report_disk
import report_gates
from lib import files, gates, metrics, vectors
from lib.errors import BadInput
from lib.naics import layout, lorentz, taxonomy
from lib.report import html, tables, wording
from lib.report.tables import Table

HOSTILE = '<script src="https://evil.example/x.js">&"\'| $a$ $$</script>'
ROOT = Path(__file__).resolve().parents[2]
VOID = {"meta", "br", "hr", "img", "link", "input"}
BARS = [
    {"metric": "recall_at_1", "slice": "entries", "min": 0.5},
    {"metric": "recall_at_1", "slice": HOSTILE, "min_gain": 0.0, "over": HOSTILE},
    {"metric": "p95_ms", "slice": "entries", "max": 20, "advisory": True},
    {"metric": "broken", "slice": "entries", "min": 0.5},
]
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


def entry(metric, slice_name, model, rival):
    return metrics.compare(metric, slice_name, np.array(model, float), {HOSTILE: np.array(rival, float)}, None, 1)


@pytest.fixture
def results(tmp_path):
    """A results folder with a gate that blocks, its metrics and those of two stages; every text is hostile."""
    folder = tmp_path / "naics"
    measured = {
        "schema": 1,
        "pipeline": "naics",
        "dataset": "made-up",
        "source": HOSTILE,
        "metrics": [
            entry("recall_at_1", "entries", [1, 1, 1, 0] * 30, [0, 1, 1, 0] * 30),
            entry("recall_at_1", HOSTILE, [1, 1, 1, 0] * 30, [0, 0, 1, 0] * 30),
            entry("p95_ms", "entries", [12, 1800] * 9, [30, 2600] * 9),
            entry("broken", "entries", [np.nan], [np.nan]),
        ],
        "details": {"digits": {HOSTILE: {"accuracy_at_2_digits": 0.912}}, "curvature": 0.75, "violation": 1e-12},
        "evidence": {"split": "test", "model": {"encoder": "minilm", HOSTILE: None}, "model_sha256": "ab" * 32},
    }
    files.write_json(folder / "metrics.json", measured)
    files.write_json(folder / "gate.json", gates.judge(measured, BARS))
    for stage in ("stage1", "stage2"):
        files.write_json(folder / f"{stage}.metrics.json", {**measured, "evidence": {"split": "validation"}})
    return folder


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


def test_every_term_of_the_naics_gate_is_explained():
    bars = files.read_text(ROOT / "config" / "naics.yaml")
    used = set(re.findall(r"metric: (\w+), slice: ([\w -]+),", bars))
    assert used and {word for pair in used for word in pair} <= set(wording.GLOSSARY)


# Pictures


def history(path, stage, columns="step,learning_rate,loss,tree,validation"):
    rows = [f"{step},1e-3,{3 / (step + stage)},,{0.5 if step % 9 == 8 else ''}" for step in range(20)]
    path.write_text("\n".join([columns, *rows]) + "\n")
    return path


def test_the_pictures_have_the_same_bytes_twice(results, run_script, tmp_path):
    histories = [history(tmp_path / f"stage{n}.history.csv", n) for n in (1, 2)]
    for name in ("a", "b"):
        curves = run_script("report_curves.py", "--history", *histories, "--out", tmp_path / f"{name}.svg")
        gate = run_script("report_gates.py", "--gate", results / "gate.json", "--out", tmp_path / f"{name}-gate.svg")
        assert (curves.returncode, curves.stderr, gate.returncode, gate.stderr) == (0, "", 0, "")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "a-gate.svg").read_bytes() == (tmp_path / "b-gate.svg").read_bytes()


def test_the_curves_show_what_was_logged_and_where_stages_begin(run_script, tmp_path):
    histories = [history(tmp_path / f"stage{n}.history.csv", n) for n in (1, 2)]
    run_script("report_curves.py", "--history", *histories, "--out", tmp_path / "a.svg")
    said = re.findall(r"<text[^>]*>([^<]+)</text>", (tmp_path / "a.svg").read_text())
    assert {"learning rate", "loss", "validation", "stage1", "stage2", "step"} <= set(said)
    assert "tree" not in said, "a column without a value has no panel"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("step,loss\n0,1\n1,x\n", "line 3: loss is 'x', expected a number"),
        ("loss\n1\n", "expected a column named step"),
        ("step,loss\n", "expected a column named step and at least one row"),
        ("step\n0\n", "no values"),
    ],
)
def test_a_history_that_is_none_is_refused(run_script, tmp_path, content, said):
    (tmp_path / "h.csv").write_text(content)
    done = run_script("report_curves.py", "--history", tmp_path / "h.csv", "--out", tmp_path / "a.svg")
    assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "a.svg").exists()


def test_the_gate_s_picture_says_each_verdict_in_words(results, run_script, tmp_path):
    run_script("report_gates.py", "--gate", results / "gate.json", "--out", tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    said = re.findall(r"<text[^>]*>([^<]+)</text>", text)
    assert [line for line in said if line[0] in "\u2713\u2717"] == [
        "\u2713 pass",
        "\u2713 pass",
        "\u2717 FAIL (advisory)",
        "\u2717 FAIL",
    ]
    assert "906.0" in " ".join(said) and "<script" not in text


@pytest.mark.parametrize(
    ("value", "interval", "bar", "rival", "extent", "at"),
    [
        (0.7, [0.6, 0.8], {"min": 0.5}, None, (0, 1), 0.5),
        (0.7, [0.6, 0.8], {"min_gain": 0.1}, 0.5, (0, 1), 0.6),
        (0.1, [-0.2, 0.3], {"min_gain": 0.1}, None, (-0.2, 1), None),
        (12.0, [10.0, 14.0], {"max": 20}, 30.0, (0, 33), 20),
        (None, None, {"min": 0.5}, None, (0, 1), 0.5),
    ],
)
def test_a_strip_shows_everything_there_is(value, interval, bar, rival, extent, at):
    baseline = None if rival is None else {"name": "raw", "value": rival}
    check = {"value": value, "interval": interval, "bar": bar, "baseline": baseline}
    assert report_gates.extent(check) == pytest.approx(extent)
    assert report_gates.bar_at(check) == at


# The learnt tree on a disk


def test_the_layout_recovers_distances_that_fit_into_the_plane():
    rng = np.random.default_rng(1)
    truth = lorentz.expmap0(torch.from_numpy(rng.normal(size=(60, 2))), 2.0)
    distances = lorentz.pairwise_dist(truth, truth, 2.0)
    start = lorentz.logmap0(truth, 2.0) + torch.from_numpy(rng.normal(size=(60, 2)))
    before = lorentz.expmap0(start, 2.0)
    after = layout.fit(distances, start, 2.0)
    assert layout.stress(lorentz.pairwise_dist(before, before, 2.0), distances) > 0.4
    drawn = lorentz.pairwise_dist(after, after, 2.0)
    assert layout.stress(drawn, distances) < 0.05
    assert layout.correlation(drawn, distances) > 0.99
    again = [layout.fit(distances, start, 2.0, steps=9) for _ in range(2)]
    assert torch.equal(*again)


def test_the_start_keeps_radii_and_the_directions_that_vary_most():
    tangent = torch.from_numpy(np.random.default_rng(2).normal(size=(50, 5)) * [0.01, 3, 0.01, 1, 0.01])
    start = layout.principal_directions(tangent)
    torch.testing.assert_close(start.norm(dim=1), tangent.norm(dim=1))
    along = torch.nn.functional.cosine_similarity(start[:, 0], tangent[:, 1] - tangent[:, 1].mean(), dim=0)
    assert abs(along) > 0.95


@pytest.fixture
def learnt(tmp_path):
    """Points of a small tree of two sectors, with an entry among them, and its taxonomy."""
    codes = ["11", "111", "112", "31-33", "311", "321", "331", "3111"]
    tree = taxonomy.build([taxonomy.Node(code, f"Title & of {code}") for code in codes], "test")
    taxonomy.save(tree, tmp_path / "taxonomy.parquet")
    rng = np.random.default_rng(3)
    tangent = np.array([[2.0 if code[0] == "1" else -2.0, 0, 0, 0] for code in [*tree.codes, "11"]])
    points = lorentz.expmap0(torch.from_numpy(tangent + rng.normal(size=tangent.shape) / 2), 0.8).numpy()
    vectors.save(tmp_path / "points", points, [*tree.codes, "11/0"], {"geometry": "lorentz"})
    return tmp_path


def disk_flags(folder, name):
    paths = {"--points": "points", "--taxonomy": "taxonomy.parquet", "--out": name}
    return [str(word) for flag, path in paths.items() for word in (flag, folder / path)] + ["--steps", "40"]


def test_the_disk_shows_sectors_by_name_and_its_own_stress(learnt, run_script, monkeypatch):
    done = run_script("report_disk.py", *disk_flags(learnt, "a.svg"))
    assert done.returncode == 0, done.stderr
    stress = re.search(r"stress (0\.\d{3})", done.stderr)[1]
    text = (learnt / "a.svg").read_text()
    assert f"Stress {stress}" in text and "curvature -0.80" in text and "8 codes" in text
    assert {"31-33", "Title &amp; of 11"} <= set(re.findall(r"<text[^>]*>([^<]+)</text>", text))

    monkeypatch.setattr("sys.argv", ["report_disk.py", *disk_flags(learnt, "b.svg")])
    report_disk.main()
    assert (learnt / "b.svg").read_text() == text, "another process, the same bytes"


@pytest.mark.parametrize(
    ("keep", "geometry", "said"),
    [(slice(1, None), "lorentz", "no point for code 11"), (slice(None), "euclidean", "geometry euclidean")],
)
def test_points_that_are_not_the_tree_s_are_refused(learnt, keep, geometry, said):
    points, ids, _ = vectors.load(learnt / "points")
    vectors.save(learnt / "points", np.array(points[keep]), ids[keep], {"geometry": geometry})
    with pytest.raises(BadInput, match=said):
        report_disk.learnt(learnt / "points", taxonomy.load(learnt / "taxonomy.parquet"))


# The model card


def card(run_script, folder, template):
    (folder / "card.md").write_text(template)
    arguments = [("--gate", folder / "gate.json"), ("--metrics", folder / "metrics.json")]
    arguments += [("--template", folder / "card.md"), ("--out", folder / "README.md")]
    return run_script("report_card.py", *(word for pair in arguments for word in pair))


def test_the_card_has_the_gate_s_figures(results, run_script):
    done = card(run_script, results, "$base_model\n$verdict\n$metric_names\n$curvature\n\n$gate\n\n$measured\n")
    assert (done.returncode, done.stderr) == (0, "")
    text = (results / "README.md").read_text()
    model, verdict, names, curvature = text.splitlines()[:4]
    assert (model, curvature) == ("sentence-transformers/all-MiniLM-L6-v2", "0.75")
    assert verdict == "naics: BLOCKED, 2 of 4 checks reached"
    assert json.loads(names) == ["recall_at_1", "p95_ms", "broken"]
    for cells in tables.gate(files.read_json(results / "gate.json")).rows:
        assert f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |" in text


def test_a_card_that_needs_what_was_not_measured_is_refused(results, run_script):
    done = card(run_script, results, "$depth")
    assert done.returncode == 2 and "$depth is not in" in done.stderr and not (results / "README.md").exists()


def test_a_card_of_another_gate_is_refused(results, run_script):
    gate = files.read_json(results / "gate.json")
    files.write_json(results / "gate.json", {**gate, "evidence": {"split": "yesterday's"}})
    done = card(run_script, results, "$gate")
    assert done.returncode == 2 and "evidence differs" in done.stderr
