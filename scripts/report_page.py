"""Make one HTML page of everything the gates judged; it needs no network and opens from a file.

A pipeline's folder holds gate.json and metrics.json; its stages' metrics and its pictures are those named that lie
below it. The logs' benchmark files say where the time went.
"""

from pathlib import Path
from string import Template
from typing import Any

from lib import cli, config, files
from lib.errors import BadInput
from lib.report import html, tables, times, wording

TEMPLATE = Path(html.__file__).with_name("page.html")

Json = dict[str, Any]


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("folders", type=Path, nargs="+", help="results folders, one a pipeline")
    parser.add_argument("--stages", type=Path, nargs="*", default=[], help="metrics after a stage, STAGE.metrics.json")
    parser.add_argument("--pictures", type=Path, nargs="*", default=[], help="SVG, shown in this order")
    parser.add_argument("--logs", type=Path, help="folder with Snakemake's *.benchmark.tsv")
    parser.add_argument("--out", type=Path, required=True, help="the page, HTML")
    args = parser.parse_args()

    for path in [*args.stages, *args.pictures]:
        if not any(below(folder, [path]) for folder in args.folders):
            raise BadInput(f"{path}: belongs to no pipeline shown, expected a file below one of the folders")
    reports = [config.read(folder / "gate.json", "gate") for folder in args.folders]
    page = Template(files.read_text(TEMPLATE)).substitute(
        verdict=html.escape(", ".join(map(verdict, reports))),
        gates="\n".join(html.table(tables.gate(report)) for report in reports),
        glossary=html.definitions(meanings(reports)),
        sections="\n".join(
            section(folder, report, below(folder, args.stages), below(folder, args.pictures))
            for folder, report in zip(args.folders, reports)
        ),
        times=spent(args.logs),
    )
    files.write_text(args.out, page)


def verdict(report: Json) -> str:
    """What a reader in a hurry takes away."""
    word, symbol = ("passed", "pass") if report["passed"] else ("is blocked", "fail")
    return f"{wording.SYMBOLS[symbol]} {report['pipeline']} {word}"


def meanings(reports: list[Json]) -> dict[str, str]:
    """The glossary's entries for the metrics and slices that the gates use."""
    used = {check[key] for report in reports for check in report["checks"] for key in ("metric", "slice")}
    return {term: meaning for term, meaning in wording.GLOSSARY.items() if term in used}


def below(folder: Path, paths: list[Path]) -> list[Path]:
    return [path for path in paths if folder in path.parents]


def section(folder: Path, report: Json, stages: list[Path], pictures: list[Path]) -> str:
    """One pipeline: its data in words, its pictures, its stages, all that was measured, what made it."""
    metrics = config.read(folder / "metrics.json", "metrics")
    after = {path.name.split(".")[0]: config.read(path, "metrics") for path in stages}
    drawn = "\n".join(map(html.picture, pictures))
    shown = [*([tables.stages(report, after)] if after else []), *tables.measured(metrics)]
    shown += tables.details(metrics.get("details", {}))
    return "\n".join(
        [
            f"<section>\n<h2>{html.escape(report['pipeline'])}</h2>",
            f"<p>Data: {html.escape(report['source'])} ({html.escape(report['dataset'])}).</p>",
            f'<div class="pictures">\n{drawn}\n</div>',
            '<div class="tables">',
            *map(html.table, shown),
            "</div>",
            f'<details class="evidence"><summary>Provenance</summary>{html.table(tables.evidence(report))}</details>',
            "</section>",
        ]
    )


def spent(logs: Path | None) -> str:
    """The section of times; nothing where no job left any."""
    found = times.jobs(logs) if logs else []
    return f"<section>\n<h2>time and memory</h2>\n{html.table(times.table(found))}\n</section>" if found else ""


if __name__ == "__main__":
    cli.run(main)
