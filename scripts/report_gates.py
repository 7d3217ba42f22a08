"""Draw a gate: each check's value with its interval, the bar, the hardest baseline and the verdict."""

from itertools import pairwise
from pathlib import Path
from typing import Any

from lib import cli, config
from lib.report import drawing, wording

Check = dict[str, Any]

HEIGHT = 0.84  # inches a check
LINES = {"pass": "#1b6e33", "fail": "#a8201a"}


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--gate", type=Path, required=True, help="gate.json")
    parser.add_argument("--out", type=Path, required=True, help="the picture, SVG")
    args = parser.parse_args()

    report = config.read(args.gate, "gate")
    draw(report, args.out)


def draw(report: dict[str, Any], path: Path) -> None:
    """One strip a check; fractions share a scale, so that they compare, and its numbers stand once."""
    checks = report["checks"]
    spans = [extent(check) for check in checks]
    lowest = min((low for low, high in spans if high == 1), default=0)
    height = 1.0 + HEIGHT * len(checks)
    figure = drawing.figure(height)
    strips = figure.subplots(len(checks), 1, squeeze=False)[:, 0]
    for axes, check, (low, high) in zip(strips, checks, spans):
        axes.set(xlim=(lowest if high == 1 else low, high), ylim=(-1, 1), yticks=[])
        draw_check(axes, check)
    for above, below in pairwise(strips):
        above.tick_params(labelbottom=above.get_xlim() != below.get_xlim())
    title = wording.summary(report)
    figure.suptitle(title, fontweight="bold", y=1 - 0.1 / height, va="top")
    figure.subplots_adjust(left=0.03, right=0.97, top=1 - 0.75 / height, bottom=0.55 / height, hspace=2.3)
    key = "dot, line: value, 95 % interval; arrow: bar, good side; diamond: baseline"
    figure.text(0.5, 0.08 / height, key, ha="center", fontsize=7.2)
    drawing.save(figure, path, f"{title}. {'. '.join(', '.join(in_words(check)) for check in checks)}")


def draw_check(axes, check: Check) -> None:
    colour = LINES[check["verdict"]]
    axes.spines["left"].set_visible(False)
    axes.tick_params(length=2, pad=1)
    if (at := bar_at(check)) is not None:
        good = ">" if "max" not in check["bar"] else "<"
        axes.plot([at, at], [-1, 1], color=drawing.INK, linewidth=1)
        axes.plot(at, 0.6, good, color=drawing.INK, markersize=5, clip_on=False)
    if check["baseline"] and check["baseline"]["value"] is not None:
        hollow = {"color": drawing.INK, "markerfacecolor": "white", "markersize": 5}
        axes.plot(check["baseline"]["value"], 0, "D", clip_on=False, **hollow)
    if check["value"] is not None:
        axes.plot(check["interval"] or [check["value"]] * 2, [0, 0], color=colour, linewidth=2.4)
        axes.plot(check["value"], 0, "o", color=colour, markersize=5.5, clip_on=False)
    what, value, rival = in_words(check)
    write(axes, what, 30)
    write(axes, wording.verdict(check), 30, at=1, ha="right", fontweight="bold", color=colour)
    write(axes, value, 20, fontsize=7.2)
    write(axes, rival, 11, fontsize=7.2)


def write(axes, text: str, up: float, at: float = 0, fontsize: float = 8.5, **style) -> None:
    """Text `up` points above the strip, from its left end (at = 0) or to its right end (at = 1)."""
    style |= {"xycoords": "axes fraction", "textcoords": "offset points", "va": "top", "fontsize": fontsize}
    axes.annotate(text, (at, 1), (0, up), **style)


def in_words(check: Check) -> tuple[str, str, str]:
    """What is measured; the value and the bar; the baseline and the lead over it."""
    what, rival = f"{check['metric']} on {check['slice']}", check["baseline"]
    value = f"{wording.spread(check['value'], check['interval'])}, bar: {wording.bar(check)}"
    if not rival:
        return what, value, "no baseline"
    lead = wording.spread(rival["difference"], rival["interval"], "+")
    return what, value, f"{rival['name']} {wording.number(rival['value'])}, lead {lead}"


def extent(check: Check) -> tuple[float, float]:
    """What the strip must show: 0 to 1 for a fraction, less if something is negative, else to a little above."""
    shown = [*(check["interval"] or []), check["value"], bar_at(check), (check["baseline"] or {}).get("value")]
    known = [value for value in shown if value is not None]
    high = max(known, default=1)
    return min([0, *known]), 1 if high <= 1 else high * 1.1


def bar_at(check: Check) -> float | None:
    """Where the bar stands on the value's own axis: a lead counts from the baseline."""
    kind, level = next(iter(check["bar"].items()))
    if kind != "min_gain":
        return level
    rival = check["baseline"]
    return None if rival is None or rival["value"] is None else rival["value"] + level


if __name__ == "__main__":
    cli.run(main)
