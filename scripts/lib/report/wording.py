"""The words and numbers of a gate: the same in the page, its pictures and the model card."""

from typing import Any

Check = dict[str, Any]

UNKNOWN = "-"
SYMBOLS = {"pass": "\u2713", "fail": "\u2717"}  # check mark and cross: a verdict must not hang on colour

GLOSSARY = {
    "recall_at_1": "share of queries whose true answer comes first",
    "recall_at_5": "share of queries whose true answer is among the first 5",
    "recall_at_10": "share of queries whose true answer is among the first 10",
    "mrr": "mean of 1 / rank of the true answer",
    "contain_at_50": "share of queries whose true answer is among the first 50",
    "contain_at_50_lead": "contain_at_50 less that of the best baseline",
    "eff_at_5": "recall_at_5 / contain_at_50",
    "p95_ms": "milliseconds that 19 of 20 searches stay below",
    "map": "mean average precision: how early all tickets of a label are found",
    "map_kept": "share of the full width's map",
    "forgetting": "map lost on texts of another kind",
    "r2": "share of the correlations' variance that is explained",
    "r2_of_ceiling": "r2 as a share of what the labels' noise allows",
    "mae": "mean absolute error of the correlation",
    "rmse": "root of its mean squared error",
    "accuracy_within_0.2": "share of pairs whose correlation is off by at most 0.2",
    "coverage_90": "share of pairs inside their 90 % interval",
    "ndcg_at_10": "how well the first 10 are ordered by nearness in the tree; 1 is the ideal order",
    "parent_recall_at_1": "share of codes whose nearest code one level up is their parent",
    "sibling_map": "mean average precision of a code's siblings among the codes of its level",
    "pearson_tree_distance": "linear correlation of learnt distance and steps in the tree",
    "spearman_tree_distance": "rank correlation of learnt distance and steps in the tree",
    "masked": "tickets without the words of their own label",
    "masked at 64 dims": "the same, by the first 64 numbers of a vector",
    "foreign": "texts of another domain than tickets",
    "held-out events": "pairs of contracts whose events training never saw",
    "random split": "pairs never seen, of contracts that training saw",
    "context excluded": "passages of unseen articles; the last five read are no candidates",
    "article so far excluded": "the same; nothing read is a candidate",
    "search": "questions asked of the index one by one",
    "entries": "short business descriptions that training never saw",
    "entries of held-out families": "descriptions of codes that training never saw",
    "trained codes": "codes that training saw",
    "held-out families": "four-digit groups, with all below them, that training never saw",
}


def number(value: float | None, sign: str = "") -> str:
    """Three decimals for fractions, fewer for large numbers, `-` for what could not be measured."""
    if value is None:
        return UNKNOWN
    return f"{value:{sign}.3f}" if abs(value) < 10 else f"{value:{sign},.1f}"


def spread(value: float | None, interval: list[float] | None, sign: str = "") -> str:
    """`0.712 [0.690, 0.731]`."""
    if value is None or interval is None:
        return number(value, sign)
    low, high = interval
    return f"{number(value, sign)} [{number(low, sign)}, {number(high, sign)}]"


def bar(check: Check) -> str:
    """What the check demands: `at least 0.7`, `ahead of 1-NN`."""
    kind, level = next(iter(check["bar"].items()))
    if kind != "min_gain":
        return f"at {'least' if kind == 'min' else 'most'} {level:g}"
    rival = check["baseline"]["name"] if check["baseline"] else "a baseline"
    return f"{level:g} ahead of {rival}" if level else f"ahead of {rival}"


def verdict(check: Check) -> str:
    """The verdict as a shape and a word, readable without colour."""
    word = {"pass": "pass", "fail": "FAIL"}[check["verdict"]]
    return f"{SYMBOLS[check['verdict']]} {word}{' (advisory)' if check['advisory'] else ''}"


def summary(report: dict[str, Any]) -> str:
    """One line a pipeline: `naics: passed, 10 of 10 checks`."""
    checks = report["checks"]
    reached = sum(check["verdict"] == "pass" for check in checks)
    word = "passed" if report["passed"] else "BLOCKED"
    return f"{report['pipeline']}: {word}, {reached} of {len(checks)} checks reached"
