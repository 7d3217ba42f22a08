"""What a gate decides: measured values against bars, with the reason for every verdict.

A bar is `min` or `max` (of the value) or `min_gain` (of the paired difference to a baseline, whose
95 % interval must also lie above 0). A check that cannot be trusted blocks rather than passes.
"""

import math
from typing import Any

from .errors import BadInput

PASS, FAIL = "pass", "fail"
SUSPICIOUS_N = 100


def judge(metrics: dict[str, Any], bars: list[dict[str, Any]]) -> dict[str, Any]:
    """The gate report: one check for each bar that holds for the dataset, and whether all blocking ones passed."""
    bars = [bar for bar in bars if bar.get("dataset", metrics["dataset"]) == metrics["dataset"]]
    checks = [_check(_find(metrics, bar), bar) for bar in bars]
    if not any(not check["advisory"] for check in checks):
        raise BadInput(
            f"{metrics['pipeline']}: no blocking bar for dataset {metrics['dataset']}, expected at least one"
        )
    passed = all(check["verdict"] == PASS for check in checks if not check["advisory"])
    return {
        "schema": 1,
        "pipeline": metrics["pipeline"],
        "dataset": metrics["dataset"],
        "source": metrics["source"],
        "passed": passed,
        "checks": checks,
        "evidence": metrics["evidence"],
    }


def _find(metrics: dict[str, Any], bar: dict[str, Any]) -> dict[str, Any]:
    for measured in metrics["metrics"]:
        if (measured["metric"], measured["slice"]) == (bar["metric"], bar["slice"]):
            return measured
    known = sorted({f"{m['metric']} on {m['slice']}" for m in metrics["metrics"]})
    raise BadInput(f"bar {bar['metric']} on {bar['slice']!r}: not measured, expected one of: {', '.join(known)}")


def _check(measured: dict[str, Any], bar: dict[str, Any]) -> dict[str, Any]:
    wanted = bar.get("over", "best")
    baseline = _baseline(measured, wanted)
    kind = next(kind for kind in ("min", "max", "min_gain") if kind in bar)
    judged, interval = _judged(measured, baseline, kind)
    low, high = interval or (None, None)
    check = {
        "metric": measured["metric"],
        "slice": measured["slice"],
        "value": measured["value"],
        "interval": measured["interval"],
        "n": measured["n"],
        "bar": {kind: bar[kind]},
        "baseline": baseline,
        "margin": _margin(judged, bar, kind),
        "within_noise": interval is not None and low <= bar[kind] <= high,
        "advisory": bar.get("advisory", False),
    }
    reason = _reason(check, kind, wanted)
    return {**check, "verdict": FAIL if reason else PASS, "reason": reason or "reached"}


def _baseline(measured: dict[str, Any], wanted: str) -> dict[str, Any] | None:
    """The named baseline, or the hardest to beat: the one with the smallest lead of the model, or an unknown one."""
    named = [b for b in measured["baselines"] if wanted in ("best", b["name"])]
    return min(named, key=lambda b: -math.inf if b["difference"] is None else b["difference"], default=None)


def _judged(measured: dict[str, Any], baseline: dict[str, Any] | None, kind: str) -> tuple[Any, Any]:
    """The number that is held against the bar and its interval; None where it could not be measured."""
    if kind != "min_gain":
        return measured["value"], measured["interval"]
    return (baseline["difference"], baseline["interval"]) if baseline else (None, None)


def _margin(judged: float | None, bar: dict[str, Any], kind: str) -> float | None:
    """How far the bar is cleared; negative when it is missed."""
    if judged is None:
        return None
    return bar["max"] - judged if kind == "max" else judged - bar[kind]


def _reason(check: dict[str, Any], kind: str, wanted: str) -> str:
    """Why the check fails; empty when it passes."""
    baseline = check["baseline"]
    if check["n"] == 0:
        return "nothing was measured (n = 0)"
    if check["value"] is None or check["interval"] is None:
        return "the value is not a number: a broken evaluation"
    if check["metric"].startswith("recall") and check["value"] == 0 and check["n"] > SUSPICIOUS_N:
        return f"recall is exactly 0 over {check['n']} queries: a broken evaluation, not a score"
    if (baseline is None or None in baseline.values()) and (kind == "min_gain" or not check["advisory"]):
        return f"baseline {wanted!r} was not measured: a missing baseline blocks"
    if check["margin"] < 0:
        return f"{-check['margin']:.4f} short of the bar"
    if kind == "min_gain" and baseline["interval"][0] <= 0:
        return f"the lead over {baseline['name']} is within noise (interval from {baseline['interval'][0]:.4f})"
    return ""
