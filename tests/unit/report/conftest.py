"""A pipeline's results in which every text is hostile: what the page, its pictures and the model card are made of."""

import numpy as np
import pytest
from tiny_metrics import HOSTILE

from lib import files, gates, metrics

BARS = [
    {"metric": "recall_at_1", "slice": "entries", "min": 0.5},
    {"metric": "recall_at_1", "slice": HOSTILE, "min_gain": 0.0, "over": HOSTILE},
    {"metric": "p95_ms", "slice": "entries", "max": 20, "advisory": True},
    {"metric": "broken", "slice": "entries", "min": 0.5},
]


def entry(metric, slice_name, model, rival):
    return metrics.compare(metric, slice_name, np.array(model, float), {HOSTILE: np.array(rival, float)}, None, 1)


@pytest.fixture
def results(tmp_path):
    """A results folder with a gate that blocks, its metrics and those of two stages; every text is hostile."""
    folder = tmp_path / "naics"
    measured = {
        "schema": 1,
        "pipeline": "naics",
        "dataset": "made-up",
        "source": HOSTILE,
        "metrics": [
            entry("recall_at_1", "entries", [1, 1, 1, 0] * 30, [0, 1, 1, 0] * 30),
            entry("recall_at_1", HOSTILE, [1, 1, 1, 0] * 30, [0, 0, 1, 0] * 30),
            entry("p95_ms", "entries", [12, 1800] * 9, [30, 2600] * 9),
            entry("broken", "entries", [np.nan], [np.nan]),
        ],
        "details": {"digits": {HOSTILE: {"accuracy_at_2_digits": 0.912}}, "curvature": 0.75, "violation": 1e-12},
        "evidence": {"split": "test", "model": {"encoder": "minilm", HOSTILE: None}, "model_sha256": "ab" * 32},
    }
    files.write_json(folder / "metrics.json", measured)
    files.write_json(folder / "gate.json", gates.judge(measured, BARS))
    for stage in ("stage1", "stage2"):
        files.write_json(folder / f"{stage}.metrics.json", {**measured, "evidence": {"split": "validation"}})
    return folder
