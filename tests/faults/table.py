"""The table of faults: each row, the tests that name it, and how many of them pass.

    python tests/faults/table.py                  runs them all, some minutes
    python tests/faults/table.py --collect-only   only counts them

A test names its rows in its own name: test_row_7_..., test_rows_7_and_8_..., test_rows_11_to_13_.... It belongs to
the pipeline that its path names; one of no pipeline tests what all share. Other arguments go to pytest.
"""

import ast
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

TESTS = Path(__file__).resolve().parent.parent
PIPELINES = ("naics", "tickets", "correlation", "mamba")
SHARED = "shared"
ALSO = {"test_embed_articles": "mamba"}  # files whose path does not say it
NAMED = re.compile(r"test_rows?_(\d+(?:_(?:and_|to_)?\d+)*)_")


class Row(NamedTuple):
    """A fault and who must test it: pipelines by name, where each has input or code of its own for it."""

    fault: str
    concerns: tuple[str, ...] = (SHARED,)


ROWS = {
    1: Row("truncated .npz", (SHARED, "mamba")),
    2: Row("a flipped bit in an array or index", (SHARED, "correlation", "mamba")),
    3: Row("truncated, garbage or empty FAISS index"),
    4: Row("an IVF header that claims 1e9 vectors"),
    5: Row("NaN or infinite vectors", (SHARED, "correlation", "mamba")),
    6: Row("a zero vector where cosine is used", (SHARED, "mamba")),
    7: Row("vectors of another dim than the index or model", (SHARED, "correlation", "mamba")),
    8: Row("files that do not belong together", (SHARED, *PIPELINES)),
    9: Row("duplicate ids", (SHARED, "tickets", "correlation", "mamba")),
    10: Row("the same text, id or group in train and test", PIPELINES),
    11: Row("not UTF-8", (SHARED, "tickets", "correlation", "mamba")),
    12: Row("truncated JSON, NaN in it, duplicate keys", (SHARED, "tickets", "correlation", "mamba")),
    13: Row("a missing or misspelt key in data", PIPELINES),
    14: Row("phases of wrong length, range, or empty", ("tickets",)),
    15: Row("a correlation outside [-1, 1], or text", ("correlation",)),
    16: Row("empty text or category, wrong labels, one class", ("naics", "tickets", "correlation")),
    17: Row("a code without parent, in a cycle, twice, wrong digits", ("naics",)),
    18: Row("fewer rows than batch_size, nlist or k", (SHARED, *PIPELINES)),
    19: Row("a slip in the config, when the plan is made", (SHARED, "mamba")),
    20: Row("a hostile pickle, object array or string", (SHARED, "mamba")),
    21: Row("killed at any instant", (SHARED, *PIPELINES)),
    22: Row("SIGTERM, SIGUSR1, Ctrl-C", (SHARED, *PIPELINES)),
    23: Row("disk full, read-only, path is a file", (SHARED, "mamba")),
    24: Row("two runs in one folder", (SHARED,)),
    25: Row("no model, no network, no GPU, another library", (SHARED, *PIPELINES)),
    26: Row("a loss that is NaN or infinite", (SHARED, *PIPELINES)),
    27: Row("database down, wrong password or table, cut off", ("correlation",)),
    28: Row("a download cut, altered, or an HTML page", ("naics", "mamba")),
}


def rows_of(name: str) -> list[int]:
    """The rows that a test's name names: [7], [7, 8], or all from 11 to 13."""
    found = NAMED.match(name)
    if not found:
        return []
    first, *others = re.findall(r"(to_)?(\d+)", found[1])
    rows = [int(first[1])]
    for reach, row in others:
        rows += range(rows[-1] + 1, int(row) + 1) if reach else [int(row)]
    return rows


def owner(path: Path) -> str:
    """The pipeline whose test lies there, or SHARED."""
    words = {*path.relative_to(TESTS).parts[:-1], *path.stem.split("_"), ALSO.get(path.stem)}
    return next((pipeline for pipeline in PIPELINES if pipeline in words), SHARED)


def tests() -> Iterator[tuple[str, Path]]:
    """Every test's name and file, read from the syntax trees."""
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield node.name, path


class Tally:
    """A pytest plugin that leaves the tests that name a row and counts how they end, by row and owner."""

    def __init__(self) -> None:
        self.collected: Counter[tuple[int, str]] = Counter()
        self.passed: Counter[tuple[int, str]] = Counter()
        self.places: dict[str, list[tuple[int, str]]] = defaultdict(list)

    @pytest.hookimpl(trylast=True)  # after what -k and -m leave out
    def pytest_collection_modifyitems(self, items: list[pytest.Function]) -> None:
        for item in items:
            self.places[item.nodeid] = [(row, owner(item.path)) for row in rows_of(item.originalname)]
            self.collected.update(self.places[item.nodeid])
        items[:] = [item for item in items if self.places[item.nodeid]]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            self.passed.update(self.places[report.nodeid])


def table(tally: Tally, ran: bool) -> str:
    """A Markdown table: passed/collected for each row and owner, `-` where the row does not concern one."""
    lines = [f"| row | fault | {' | '.join((SHARED, *PIPELINES))} |", "|" + "---|" * (3 + len(PIPELINES))]
    for number, row in ROWS.items():
        cells = []
        for who in (SHARED, *PIPELINES):
            at = (number, who)
            count = f"{tally.passed[at]}/{tally.collected[at]}" if ran else str(tally.collected[at])
            cells.append(count if tally.collected[at] or who in row.concerns else "-")
        lines.append(f"| {number} | {row.fault} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> int:
    tally = Tally()
    code = pytest.main([f"--rootdir={TESTS.parent}", "-q", str(TESTS), *sys.argv[1:]], plugins=[tally])
    print(table(tally, ran="--collect-only" not in sys.argv))
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
