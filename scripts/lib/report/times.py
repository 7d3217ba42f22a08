"""Where the time went: Snakemake's benchmark files as one table, the longest job first."""

from pathlib import Path
from typing import NamedTuple

from ..errors import BadInput
from ..files import read_text
from .tables import Table

BENCHMARK = ".benchmark.tsv"
SHOWN = 0.01  # share of all time from which on a job has a row of its own


class Job(NamedTuple):
    """Wall and CPU time in seconds, peak resident memory in MB."""

    pipeline: str
    name: str
    seconds: float
    cpu_seconds: float
    megabytes: float


def jobs(logs: Path) -> list[Job]:
    """Every job below a folder of logs, the longest first."""
    found = [_job(path, logs) for path in logs.rglob(f"*{BENCHMARK}")]
    return sorted(found, key=lambda job: (-job.seconds, job.pipeline, job.name))


def _job(path: Path, logs: Path) -> Job:
    lines = [line.split("\t") for line in read_text(path).splitlines()]
    told = dict(zip(lines[0], lines[-1])) if len(lines) > 1 else {}
    above = path.relative_to(logs).parts
    try:
        measured = [_number(told[column]) for column in ("s", "cpu_time", "max_rss")]
    except (KeyError, ValueError):
        raise BadInput(f"{path}: no benchmark, expected columns s, cpu_time and max_rss with numbers") from None
    return Job(above[0] if len(above) > 1 else "all", path.name.removesuffix(BENCHMARK), *measured)


def _number(cell: str) -> float:
    return 0.0 if cell in ("NA", "-") else float(cell)  # a job that ended before Snakemake looked


def table(found: list[Job]) -> Table:
    """A row for each job that took its share, one for the others, one for all."""
    whole = sum(job.seconds for job in found)
    long = [job for job in found if job.seconds >= SHOWN * whole]
    rows = [_row(job.name, job.pipeline, [job], whole) for job in long]
    if others := found[len(long) :]:
        rows.append(_row(f"{len(others)} others", "", others, whole))
    rows.append(_row("all", "", found, whole))
    caption = f"Where the time went: {_clock(whole)} of jobs, some side by side"
    return Table(caption, ["job", "pipeline", "time", "share", "CPU time", "peak memory"], rows)


def _row(name: str, pipeline: str, of: list[Job], whole: float) -> list[str]:
    seconds, cpu = sum(job.seconds for job in of), sum(job.cpu_seconds for job in of)
    share = f"{seconds / whole:.0%}" if whole else "0%"
    return [name, pipeline, _clock(seconds), share, _clock(cpu), f"{max(job.megabytes for job in of):,.0f} MB"]


def _clock(seconds: float) -> str:
    """Minutes and seconds, 1:23."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
