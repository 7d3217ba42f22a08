"""The least that a metrics.json may hold, and a text that a report must not take for anything else."""

from typing import Any

HOSTILE = '<script src="https://evil.example/x.js">&"\'| $a$ $$</script>'


def document(*entries: dict[str, Any]) -> dict[str, Any]:
    return {
        "schema": 1,
        "pipeline": "naics",
        "dataset": "packaged",
        "source": "made up",
        "metrics": list(entries),
        "evidence": {"seed": 1},
    }
