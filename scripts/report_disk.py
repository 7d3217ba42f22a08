"""Draw the learnt NAICS tree on a Poincare disk, with the stress that two dimensions cost."""

import argparse
import itertools
import textwrap
from pathlib import Path

import matplotlib
import numpy as np
import torch
from torch import Tensor

from lib import cli, vectors
from lib.errors import BadInput
from lib.naics import layout, lorentz, taxonomy
from lib.report import drawing

CURVATURE = 4.0  # the disk's, negated: the more it bends, the smaller the stress, but the fuller the rim
SIZES = {2: 9, 3: 4.5, 4: 2.8, 5: 1.8, 6: 1.2}  # level to marker size in points
COLOURS = [matplotlib.colormaps["tab20"](number) for number in range(20)]


def main() -> None:
    args = arguments()

    torch.set_num_threads(1)  # the same bytes whatever the number of cores
    tree = taxonomy.load(args.taxonomy)
    points, c = learnt(args.points, tree)

    distances = lorentz.pairwise_dist(points, points, c)
    start = layout.principal_directions(lorentz.logmap0(points, c))
    disk = layout.fit(distances, start, CURVATURE, args.steps)
    drawn = lorentz.pairwise_dist(disk, disk, CURVATURE)
    lost = layout.stress(drawn, distances).item()
    kept = layout.correlation(drawn, distances)

    cli.log(f"stress {lost:.3f}, correlation with the learnt distances {kept:.3f}")
    caption = (
        f"{len(tree):,} codes; a line joins a code to its parent, a larger dot is a higher level. The codes live in"
        f" {points.shape[1] - 1} dimensions at curvature {-c:.2f}; this disk, fitted to their distances, has two at"
        f" {-CURVATURE:g}. Stress {lost:.3f} (0 is exact); drawn and learnt distances correlate by {kept:.3f}."
    )
    draw(tree, lorentz.to_poincare(disk, CURVATURE).numpy() * CURVATURE**0.5, caption, args.out)


def arguments() -> argparse.Namespace:
    parser = cli.parser(__doc__)
    parser.add_argument("--points", type=Path, required=True, help="folder made by embed_naics.py")
    parser.add_argument("--taxonomy", type=Path, required=True, help="taxonomy.parquet")
    parser.add_argument("--steps", type=cli.positive_int, default=300, help="of the fit")
    parser.add_argument("--out", type=Path, required=True, help="the picture, SVG")
    return parser.parse_args()


def learnt(folder: Path, tree: taxonomy.Taxonomy) -> tuple[Tensor, float]:
    """The codes' points `(n, d + 1)` in the tree's order and their curvature, which the points themselves tell."""
    matrix, ids, manifest = vectors.load(folder)
    if manifest["geometry"] != "lorentz":
        raise BadInput(f"{folder}: geometry {manifest['geometry']}, expected lorentz: flat points have no disk")
    row = {name: number for number, name in enumerate(ids) if "/" not in name}
    if missing := [code for code in tree.codes if code not in row]:
        raise BadInput(f"{folder}: no point for code {missing[0]}, expected one for each of {len(tree)} codes")
    points = torch.from_numpy(np.array(matrix[[row[code] for code in tree.codes]], dtype=np.float64))
    return points, (-1 / lorentz.inner(points, points)).median().item()


def draw(tree: taxonomy.Taxonomy, disk: np.ndarray, caption: str, path: Path) -> None:
    """The disk above, the sectors' numbers and titles below: a number is legible without its colour."""
    figure = drawing.figure(6.95)
    disk_axes, key_axes = figure.add_axes((0.01, 0.335, 0.98, 0.62)), figure.add_axes((0.01, 0.10, 0.98, 0.225))
    disk_axes.add_patch(matplotlib.patches.Circle((0, 0), 1, fill=False, edgecolor=drawing.FAINT, linewidth=0.8))
    disk_axes.set(xlim=(-1.01, 1.01), ylim=(-1.01, 1.01), aspect="equal")
    sector = tree.ancestors[:, 0]
    colours = dict(zip(np.unique(sector), itertools.cycle(COLOURS)))
    for row, colour in colours.items():
        draw_sector(disk_axes, tree, disk, np.flatnonzero(sector == row), colour)
    for (row, colour), (x, y) in zip(colours.items(), apart(disk[list(colours)])):
        box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": colour, "linewidth": 1.2}
        disk_axes.text(x, y, tree.codes[row], fontsize=6.5, ha="center", va="center", bbox=box, zorder=9)
    draw_key(key_axes, tree, colours)
    for axes in (disk_axes, key_axes):
        axes.set_axis_off()
    title = "The learnt tree on a Poincare disk"
    figure.text(0.5, 0.975, title, ha="center", fontsize=10, fontweight="bold")
    figure.text(0.5, 0.005, textwrap.fill(caption, 80), ha="center", fontsize=7)
    drawing.save(figure, path, f"{title}. {caption}")


def draw_sector(axes, tree: taxonomy.Taxonomy, disk: np.ndarray, rows: np.ndarray, colour) -> None:
    """Lines to the parents as one path with gaps, then the dots, small levels first."""
    below = rows[tree.parent[rows] >= 0]
    gap = np.full((len(below), 2), np.nan)
    lines = np.stack([disk[below], disk[tree.parent[below]], gap], axis=1).reshape(-1, 2)
    axes.plot(*lines.T, color=colour, linewidth=0.25, alpha=0.6, zorder=1)
    for level in range(6, 1, -1):
        at = disk[rows[tree.level[rows] == level]]
        axes.plot(*at.T, "o", color=colour, markersize=SIZES[level], markeredgewidth=0, zorder=9 - level)


def apart(at: np.ndarray) -> np.ndarray:
    """Positions of labels `(n, 2)`, moved up and down until none covers another."""
    at = at + np.arange(len(at))[:, None] * 1e-9  # no two quite the same
    for _ in range(100):
        across, up = np.moveaxis(at[:, None] - at[None], -1, 0)  # (n, n) twice
        covered = (abs(across) < 0.15) & (abs(up) < 0.08) & ~np.eye(len(at), dtype=bool)
        at[:, 1] += 0.01 * (np.where(up >= 0, 1, -1) * covered).sum(axis=1)
    return at


def draw_key(axes, tree: taxonomy.Taxonomy, colours: dict) -> None:
    """Two columns of sector numbers and titles."""
    half = (len(colours) + 1) // 2
    axes.set(xlim=(0, 2), ylim=(-half, 0.5))
    for number, (row, colour) in enumerate(colours.items()):
        x, y = divmod(number, half)
        title = textwrap.shorten(tree.nodes[row].title, 32, placeholder=" ...")
        axes.plot(x + 0.03, -y, "o", color=colour, markersize=5)
        axes.text(x + 0.07, -y, tree.codes[row], fontsize=6.6, va="center", fontweight="bold")
        axes.text(x + 0.23, -y, title, fontsize=6.6, va="center")


if __name__ == "__main__":
    cli.run(main)
