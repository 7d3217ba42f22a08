"""One look for all pictures, and the same bytes for the same numbers.

Pictures are narrow, so that their text is still legible when a phone shows them at full width.
"""

import io
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from .. import files

WIDTH = 4.4  # inches: 317 points, a little less than a phone's width in CSS pixels
INK, FAINT = "#222222", "#9a9a9a"

matplotlib.rcParams.update(
    {
        "font.size": 9,
        "figure.titlesize": 10,
        "axes.edgecolor": FAINT,
        "axes.linewidth": 0.6,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlesize": 9,
        "legend.fontsize": 7.5,
        "legend.frameon": False,
        "text.color": INK,
        "text.parse_math": False,  # a dollar sign in a name is a dollar sign
        "xtick.color": INK,
        "ytick.color": INK,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "svg.fonttype": "none",  # text stays text: searchable, selectable, read aloud
        "svg.hashsalt": "sluice",
    }
)


def figure(height: float) -> Figure:
    """An empty picture, `height` inches tall."""
    return Figure(figsize=(WIDTH, height))


def save(drawn: Figure, path: Path, title: str) -> None:
    """Write an SVG without dates; `title` is what a screen reader says."""
    text = io.StringIO()
    drawn.savefig(text, format="svg", metadata={"Title": title, "Date": None, "Creator": None})
    files.write_text(path, text.getvalue())
