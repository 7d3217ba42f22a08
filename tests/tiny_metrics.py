"""The least that a metrics.json may hold."""

from typing import Any


def document(*entries: dict[str, Any]) -> dict[str, Any]:
    return {
        "schema": 1,
        "pipeline": "naics",
        "dataset": "packaged",
        "source": "made up",
        "metrics": list(entries),
        "evidence": {"seed": 1},
    }
