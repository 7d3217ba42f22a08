"""The report's tables as plain text cells, before HTML or Markdown dresses them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from . import wording

Json = dict[str, Any]


class Table(NamedTuple):
    """A caption, column names, rows of cells; the first cell of a row names it. `marks` are CSS classes of rows."""

    caption: str
    header: list[str]
    rows: list[list[str]]
    marks: list[str] | None = None


def gate(report: Json) -> Table:
    """The verdict check by check: what was measured, what was demanded, the hardest baseline, why not."""
    header = ["metric", "measured on", "value [95 %]", "n", "bar", "best baseline", "lead [95 %]", "verdict"]
    rows = [_check(check) for check in report["checks"]]
    return Table(wording.summary(report), header, rows, [check["verdict"] for check in report["checks"]])


def _check(check: Json) -> list[str]:
    rival = check["baseline"]
    return [
        check["metric"],
        check["slice"],
        wording.spread(check["value"], check["interval"]),
        f"{check['n']:,}",
        wording.bar(check),
        f"{rival['name']} {wording.number(rival['value'])}" if rival else wording.UNKNOWN,
        wording.spread(rival["difference"], rival["interval"], "+") if rival else wording.UNKNOWN,
        wording.verdict(check) if check["verdict"] == "pass" else f"{wording.verdict(check)}: {check['reason']}",
    ]


def measured(metrics: Json) -> list[Table]:
    """One table a slice: the model beside every baseline, on the same queries."""
    slices = dict.fromkeys(entry["slice"] for entry in metrics["metrics"])
    return [_slice(name, [entry for entry in metrics["metrics"] if entry["slice"] == name]) for name in slices]


def _slice(name: str, entries: list[Json]) -> Table:
    rivals = list(dict.fromkeys(baseline["name"] for entry in entries for baseline in entry["baselines"]))
    rows = []
    for entry in entries:
        values = {baseline["name"]: wording.number(baseline["value"]) for baseline in entry["baselines"]}
        model = wording.spread(entry["value"], entry["interval"])
        rows.append([entry["metric"], f"{entry['n']:,}", model, *(values.get(r, wording.UNKNOWN) for r in rivals)])
    return Table(f"Measured on {name}", ["metric", "n", "model [95 %]", *rivals], rows)


def stages(report: Json, measured_by_stage: dict[str, Json]) -> Table:
    """What the gate judges, after each training stage."""
    judged = list(dict.fromkeys((check["metric"], check["slice"]) for check in report["checks"]))
    found = {
        name: {(entry["metric"], entry["slice"]): entry for entry in metrics["metrics"]}
        for name, metrics in measured_by_stage.items()
    }
    rows = [[metric, of, *(_value(entries.get((metric, of))) for entries in found.values())] for metric, of in judged]
    splits = sorted({str(metrics["evidence"].get("split", "held-out")) for metrics in measured_by_stage.values()})
    return Table(f"After each stage, {' and '.join(splits)} data [95 %]", ["metric", "measured on", *found], rows)


def _value(entry: Json | None) -> str:
    return wording.spread(entry["value"], entry["interval"]) if entry else wording.UNKNOWN


def details(values: Json) -> list[Table]:
    """Figures that no bar judges: a table for each mapping, and one for the single numbers."""
    single = {key: value for key, value in values.items() if not isinstance(value, dict)}
    tables = [_mapping(key, value) for key, value in values.items() if isinstance(value, dict)]
    rows = [[_words(key), _cell(value)] for key, value in single.items()]
    return [*tables, Table("Other figures", ["figure", "value"], rows)] if single else tables


def _mapping(name: str, values: Json) -> Table:
    """A mapping of mappings has a row for each key; a plain one is a single row."""
    nested = values if all(isinstance(value, dict) for value in values.values()) else {"model": values}
    columns = list(dict.fromkeys(key for row in nested.values() for key in row))
    rows = [[key, *(_cell(row.get(column)) for column in columns)] for key, row in nested.items()]
    return Table(_words(name).capitalize(), ["of", *map(_words, columns)], rows)


def _words(key: str) -> str:
    return key.replace("_", " ")


def _cell(value: Any) -> str:
    if isinstance(value, float) and 0 < abs(value) < 1e-3:
        return f"{value:.1e}"
    return wording.number(value) if isinstance(value, float) else wording.UNKNOWN if value is None else str(value)


def evidence(report: Json) -> Table:
    """What would have to be the same for the same figures."""
    rows = [[name, str(value)] for name, value in flat(report["evidence"])]
    return Table("Provenance", ["what", "value"], rows)


def flat(values: Json, above: str = "", joint: str = ".") -> Iterator[tuple[str, Any]]:
    """Nested mappings as one level: `environment.libraries.torch`."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from flat(value, f"{above}{key}{joint}", joint)
        else:
            yield f"{above}{key}", value
