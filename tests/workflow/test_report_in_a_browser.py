"""The report of the tiny workflow in a real browser: nothing sticks out, nothing is fetched, verdicts are words."""

import html
import json
import re
import shutil
import subprocess

import pytest

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
MEASURE = """<script>
addEventListener("load", () => {
  const wide = document.documentElement.clientWidth;
  const outside = e => e.closest(".scroll") === null && e.getBoundingClientRect().right > wide + 1;
  const out = [...document.body.querySelectorAll("*")].filter(outside);
  const shown = e => e.innerText.trim() && e.getClientRects().length ? e.innerText.trim() : "";
  parent.document.title = JSON.stringify({
    window: innerWidth,
    page: document.documentElement.scrollWidth,
    out: out.map(e => e.tagName + " " + e.textContent.trim().slice(0, 40)),
    fetched: performance.getEntriesByType("resource").map(e => e.name),
    verdicts: [...document.querySelectorAll('.gates td[data-label="verdict"]')].map(shown),
    first: document.querySelector("table").closest("section").className,
    legible: [...document.querySelectorAll("figure svg")].map(e => e.getBoundingClientRect().width),
  });
});
</script></head>"""

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no chromium or chrome on the PATH")


@pytest.fixture(scope="module", params=[390, 1280], ids=["phone", "desktop"])
def seen(finished, tmp_path_factory, request):
    """What the browser makes of the page in a frame of that width; without its policy, so that a script may look."""
    folder = tmp_path_factory.mktemp("browser")
    page = (finished.folder / "results/report.html").read_text()
    assert POLICY.search(page)
    page = html.escape(POLICY.sub("", page).replace("</head>", MEASURE, 1))
    frame = f'<iframe style="width: {request.param}px; height: 900px; border: 0" srcdoc="{page}"></iframe>'
    (folder / "frame.html").write_text(f"<!DOCTYPE html><title>-</title><body>{frame}</body>")
    flags = [*FLAGS, f"--user-data-dir={folder / 'profile'}", "--window-size=1400,1000", "--virtual-time-budget=2000"]
    command = [BROWSER, *flags, "--dump-dom", f"file://{folder}/frame.html"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    told = json.loads(html.unescape(re.search(r"<title>(\{.*?\})</title>", done.stdout, re.DOTALL)[1]))
    assert told["window"] == request.param
    return told


def test_nothing_is_wider_than_the_window(seen):
    assert seen["out"] == []
    assert seen["page"] <= seen["window"]


def test_nothing_is_fetched(seen):
    assert seen["fetched"] == []


def test_the_gates_come_first_and_each_verdict_is_a_sign_and_a_word(seen):
    assert seen["first"] == "gates"
    assert seen["verdicts"] and all(re.search(r"\u2713\s*pass|\u2717\s*FAIL.*: ", told) for told in seen["verdicts"])


def test_pictures_are_large_enough_to_read(seen):
    assert seen["legible"] and min(seen["legible"]) >= 300
