"""The learnt tree on a disk: distances that fit are recovered, and what does not fit is said."""

import re

import numpy as np
import pytest
import torch
from refusals import refused

import report_disk
from lib import vectors
from lib.naics import layout, lorentz, taxonomy


def test_the_layout_recovers_distances_that_fit_into_the_plane():
    rng = np.random.default_rng(1)
    truth = lorentz.expmap0(torch.from_numpy(rng.normal(size=(60, 2))), 2.0)
    distances = lorentz.pairwise_dist(truth, truth, 2.0)
    start = lorentz.logmap0(truth, 2.0) + torch.from_numpy(rng.normal(size=(60, 2)))
    before = lorentz.expmap0(start, 2.0)
    after = layout.fit(distances, start, 2.0)
    assert layout.stress(lorentz.pairwise_dist(before, before, 2.0), distances) > 0.4
    drawn = lorentz.pairwise_dist(after, after, 2.0)
    assert layout.stress(drawn, distances) < 0.05
    assert layout.correlation(drawn, distances) > 0.99
    again = [layout.fit(distances, start, 2.0, steps=9) for _ in range(2)]
    assert torch.equal(*again)


def test_the_start_keeps_radii_and_the_directions_that_vary_most():
    tangent = torch.from_numpy(np.random.default_rng(2).normal(size=(50, 5)) * [0.01, 3, 0.01, 1, 0.01])
    start = layout.principal_directions(tangent)
    torch.testing.assert_close(start.norm(dim=1), tangent.norm(dim=1))
    along = torch.nn.functional.cosine_similarity(start[:, 0], tangent[:, 1] - tangent[:, 1].mean(), dim=0)
    assert abs(along) > 0.95


@pytest.fixture
def learnt(tmp_path):
    """Points of a small tree of two sectors, with an entry among them, and its taxonomy."""
    codes = ["11", "111", "112", "31-33", "311", "321", "331", "3111"]
    tree = taxonomy.build([taxonomy.Node(code, f"Title & of {code}") for code in codes], "test")
    taxonomy.save(tree, tmp_path / "taxonomy.parquet")
    rng = np.random.default_rng(3)
    tangent = np.array([[2.0 if code[0] == "1" else -2.0, 0, 0, 0] for code in [*tree.codes, "11"]])
    points = lorentz.expmap0(torch.from_numpy(tangent + rng.normal(size=tangent.shape) / 2), 0.8).numpy()
    vectors.save(tmp_path / "points", points, [*tree.codes, "11/0"], {"geometry": "lorentz"})
    return tmp_path


def disk_flags(folder, name):
    paths = {"--points": "points", "--taxonomy": "taxonomy.parquet", "--out": name}
    return [str(word) for flag, path in paths.items() for word in (flag, folder / path)] + ["--steps", "40"]


def test_the_disk_shows_sectors_by_name_and_its_own_stress(learnt, run_script, monkeypatch):
    done = run_script("report_disk.py", *disk_flags(learnt, "a.svg"))
    assert done.returncode == 0, done.stderr
    stress = re.search(r"stress (0\.\d{3})", done.stderr)[1]
    text = (learnt / "a.svg").read_text()
    assert f"Stress {stress}" in text and "curvature -0.80" in text and "8 codes" in text
    assert {"31-33", "Title &amp; of 11"} <= set(re.findall(r"<text[^>]*>([^<]+)</text>", text))

    monkeypatch.setattr("sys.argv", ["report_disk.py", *disk_flags(learnt, "b.svg")])
    report_disk.main()
    assert (learnt / "b.svg").read_text() == text, "another process, the same bytes"


@pytest.mark.parametrize(
    ("keep", "geometry", "said"),
    [(slice(1, None), "lorentz", "no point for code 11"), (slice(None), "euclidean", "geometry euclidean")],
)
def test_points_that_are_not_the_tree_s_are_refused(learnt, keep, geometry, said):
    points, ids, _ = vectors.load(learnt / "points")
    vectors.save(learnt / "points", np.array(points[keep]), ids[keep], {"geometry": geometry})
    told = refused(report_disk.learnt, learnt / "points", taxonomy.load(learnt / "taxonomy.parquet"))
    assert told.startswith(f"{learnt / 'points'}: {said}")
