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
    """The gate report: one check a bar, the evidence, and whether every blocking check passed."""
    checks = [_check(_find(metrics, bar), bar) for bar in bars]
    if not any(not check["advisory"] for check in checks):
        raise BadInput(f"{metrics['pipeline']}: no blocking bar, expected at least one")
    passed = all(check["verdict"] == PASS for check in checks if not check["advisory"])
    return {
        "schema": 1,
        "pipeline": metrics["pipeline"],
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
    baseline = _baseline(measured, bar.get("over", "best"))
    kind = next(kind for kind in ("min", "max", "min_gain") if kind in bar)
    low, high = measured["interval"]
    if kind == "min_gain":
        value, (low, high) = (
            (baseline["difference"], baseline["interval"]) if baseline else (math.nan, (math.nan, math.nan))
        )
    else:
        value = measured["value"]
    margin = bar[kind] - value if kind == "max" else value - bar[kind]
    reason = _reason(measured, baseline, kind, bar, margin, low)
    return {
        "metric": measured["metric"],
        "slice": measured["slice"],
        "value": measured["value"],
        "interval": measured["interval"],
        "n": measured["n"],
        "bar": {kind: bar[kind]},
        "baseline": baseline,
        "margin": None if math.isnan(margin) else margin,
        "within_noise": bool(low <= bar[kind] <= high),
        "advisory": bool(bar.get("advisory", False)),
        "verdict": FAIL if reason else PASS,
        "reason": reason or "reached",
    }


def _baseline(measured: dict[str, Any], wanted: str) -> dict[str, Any] | None:
    """The named baseline, or the hardest to beat: the one with the smallest lead of the model."""
    named = [b for b in measured["baselines"] if wanted in ("best", b["name"])]
    return min(named, key=lambda b: b["difference"], default=None)


def _reason(measured: dict, baseline: dict | None, kind: str, bar: dict, margin: float, low: float) -> str:
    """Why the check fails; empty when it passes."""
    if measured["n"] == 0:
        return "nothing was measured (n = 0)"
    if measured["value"] is None or not math.isfinite(measured["value"]):
        return "the value is not a number: a broken evaluation"
    if measured["metric"].startswith("recall") and measured["value"] == 0 and measured["n"] > SUSPICIOUS_N:
        return f"recall is exactly 0 over {measured['n']} queries: a broken evaluation, not a score"
    if baseline is None and not bar.get("advisory"):
        return f"baseline {bar.get('over', 'best')!r} was not measured: a missing baseline blocks"
    if margin < 0:
        return f"{abs(margin):.4f} short of the bar"
    if kind == "min_gain" and low <= 0:
        return f"the lead over {baseline['name']} is within noise (interval from {low:.4f})"
    return ""
