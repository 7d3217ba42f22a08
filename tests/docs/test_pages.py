"""The pages of docs/ are true: their commands run, in order, on a finished tiny workflow whose defaults are tiny.

A block of commands that begins with `# takes minutes` or `# needs a GPU` is not run: Snakemake plans what it would do,
and other scripts must have the flags. Links lead somewhere, and the README has every page.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from tiny_workflow import ROOT, TINY, environment

DOCS = ROOT / "docs"
PAGES = sorted(path.stem for path in DOCS.glob("*.md"))
BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLANNED = re.compile(r"# (takes minutes|needs a GPU)\n")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def blocks(page: str) -> list[str]:
    return BLOCK.findall((DOCS / f"{page}.md").read_text())


def over(below: dict, above: dict) -> dict:
    """One mapping laid over another, as Snakemake lays config files."""
    laid = {key: over(below[key], value) for key, value in above.items() if isinstance(value, dict) and key in below}
    return {**below, **above, **laid}


@pytest.fixture
def folder(finished, tmp_path):
    """A copy of the finished tree with the pages, where the defaults in config/ are the tiny sizes."""
    copy = tmp_path / "sluice"
    shutil.copytree(finished.folder, copy)
    shutil.copytree(DOCS, copy / "docs")
    for path in copy.glob("config/*.yaml"):
        if path.stem in {"config", *TINY["pipelines"]}:
            given = yaml.safe_load(path.read_text())
            path.write_text(yaml.safe_dump(over(given, {key: TINY[key] for key in given.keys() & TINY.keys()})))
    return copy


def planned(block: str) -> str:
    """What is left of a block that would take long: the plans."""
    return "\n".join(f"{line} --dry-run --quiet" for line in block.splitlines() if line.startswith("snakemake "))


def script(page: str) -> str:
    """The commands of a page as one shell script that says where it is."""
    lines = []
    for number, block in enumerate(blocks(page), 1):
        lines += [f"echo '### block {number} of {page}.md' >&2", planned(block) if PLANNED.match(block) else block]
    return "\n".join(lines)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)])
def test_the_commands_of_a_page_run(folder, page):
    done = subprocess.run(
        ["bash", "-eu", "-c", script(page)], cwd=folder, env=environment(), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_only_planned_is_counted():
    """A command that moves among those that do not run must be counted here."""
    counts = {page: sum(bool(PLANNED.match(block)) for block in blocks(page)) for page in PAGES}
    known = {"articles": 1, "contracts": 1, "paper-scale": 2, "seed": 1, "taxonomy": 1, "tickets": 1}
    assert {page: count for page, count in counts.items() if count} == known


def test_a_block_that_is_only_planned_holds_whole_commands_of_flags_that_there_are():
    for page in PAGES:
        for line in (line for block in filter(PLANNED.match, blocks(page)) for line in block.splitlines()[1:]):
            assert re.fullmatch(r"(snakemake|python scripts/\w+\.py) .*[^\\]", line), (page, line)
            if line.startswith("python"):
                source = (ROOT / line.split()[1]).read_text()
                assert all(f'"{flag}"' in source for flag in re.findall(r" (--[\w-]+)", line)), (page, line)


@pytest.mark.parametrize("path", [ROOT / "README.md", *sorted(DOCS.glob("*.md"))], ids=lambda path: path.stem)
def test_links_lead_somewhere(path):
    targets = LINK.findall(path.read_text())
    assert [target for target in targets if not (path.parent / target).exists()] == []


def test_the_readme_has_every_page():
    linked = {Path(target).stem for target in LINK.findall((ROOT / "README.md").read_text())}
    assert set(PAGES) <= linked
