"""Draw what training logged, one panel a quantity, over the steps of all stages in their order."""

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lib import cli, files
from lib.errors import BadInput
from lib.report import drawing

WINDOW = 9  # steps of the running mean

Columns = dict[str, NDArray[np.float64]]


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--history", type=Path, nargs="+", required=True, help="history.csv files in stage order")
    parser.add_argument("--out", type=Path, required=True, help="the picture, SVG")
    args = parser.parse_args()

    stages = {path.name.split(".")[0].removeprefix("history_"): read(path) for path in args.history}
    names = list(dict.fromkeys(name for columns in stages.values() for name in columns))
    panels = {name: values for name in names if np.isfinite(values := joined(stages, name)).any()}
    if not panels:
        raise BadInput(f"{args.history[0]}: no values, expected at least one row and one column besides step")

    draw(panels, {name: len(next(iter(columns.values()))) for name, columns in stages.items()}, args.out)


def read(path: Path) -> Columns:
    """Every column but `step`, NaN where a cell is empty; BadInput names the line that is no number."""
    rows = list(csv.DictReader(files.read_text(path).splitlines()))
    if not rows or "step" not in rows[0]:
        raise BadInput(f"{path}: expected a column named step and at least one row")
    return {name: np.array([cell(path, *at, name) for at in enumerate(rows, 2)]) for name in rows[0] if name != "step"}


def cell(path: Path, line: int, row: dict[str, str | None], name: str) -> float:
    try:
        return float(row[name] or "nan")
    except ValueError:
        raise BadInput(f"{path}: line {line}: {name} is {row[name]!r}, expected a number") from None


def joined(stages: dict[str, Columns], name: str) -> NDArray[np.float64]:
    """One column over all stages, NaN in a stage that lacks it."""
    lengths = [len(next(iter(columns.values()))) for columns in stages.values()]
    return np.concatenate([c.get(name, np.full(n, np.nan)) for c, n in zip(stages.values(), lengths)])


def draw(panels: Columns, lengths: dict[str, int], path: Path) -> None:
    """Two panels a row; the stages stand above, their boundaries run through every panel."""
    n_rows = (len(panels) + 1) // 2
    figure = drawing.figure(0.6 + 1.3 * n_rows)
    grid = figure.subplots(n_rows, 2, sharex=True, squeeze=False)
    for axes, (name, values) in zip(grid.flat, panels.items()):
        draw_panel(axes, name, values, lengths)
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    for axes in grid.flat[max(0, len(panels) - 2) : len(panels)]:
        axes.set_xlabel("step", fontsize=8)
        axes.tick_params(labelbottom=True)
    for axes in grid[0, : len(panels)]:
        for stage, (first, last) in zip(lengths, spans(lengths)):
            above = axes.get_xaxis_transform()
            axes.text((first + last) / 2, 1.02, stage, transform=above, ha="center", fontsize=6.5)
    title = "What training logged"
    figure.suptitle(title, fontweight="bold")
    figure.tight_layout(pad=0.5)
    key = f"Thin: each step; thick: mean over {WINDOW} steps; dashed: a stage begins."
    drawing.save(figure, path, f"{title} in {', '.join(lengths)}. {key}")


def draw_panel(axes, name: str, values: NDArray[np.float64], lengths: dict[str, int]) -> None:
    """What is logged at every step gets a running mean, what is logged now and then gets dots."""
    known = np.flatnonzero(np.isfinite(values))
    dense = len(known) > len(values) / 2
    axes.plot(known, values[known], "-" if dense else "o-", color=drawing.FAINT, linewidth=0.6, markersize=3)
    for first, last in spans(lengths):
        inside = known[(known >= first) & (known < last)]
        if dense and len(inside) > WINDOW:
            smooth = np.convolve(values[inside], np.full(WINDOW, 1 / WINDOW), mode="valid")
            axes.plot(inside[WINDOW // 2 : -(WINDOW // 2)], smooth, color=drawing.INK, linewidth=1.3)
        if first:
            axes.axvline(first - 0.5, color=drawing.INK, linewidth=0.7, linestyle="--")
    axes.set_title(name.replace("_", " "), loc="left", pad=9)
    axes.locator_params(axis="y", nbins=4)


def spans(lengths: dict[str, int]) -> list[tuple[int, int]]:
    """First step and the one after the last of each stage, counted over all stages."""
    ends = np.cumsum(list(lengths.values())).tolist()
    return list(zip([0, *ends], ends))


if __name__ == "__main__":
    cli.run(main)
