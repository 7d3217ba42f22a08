"""lib.gates: every verdict and its reason."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_metrics import document

from lib import config, gates
from lib.errors import BadInput

NUMBER = st.none() | st.floats(-1, 1)
BASELINE = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["bm25", "prior"]),
        "value": NUMBER,
        "difference": NUMBER,
        "interval": st.none() | st.lists(st.floats(-1, 1), min_size=2, max_size=2),
    }
)


def baseline(name="bm25", difference=0.1, interval=(0.05, 0.15)):
    return {"name": name, "value": 0.7 - difference, "difference": difference, "interval": list(interval)}


def measured(**changes):
    entry = {"metric": "recall_at_10", "slice": "test", "n": 500, "value": 0.7, "interval": [0.66, 0.74]}
    return {**entry, "baselines": [baseline()], **changes}


def judged(entry, **bar):
    report = gates.judge(document(entry), [{"metric": entry["metric"], "slice": "test", **bar}])
    config.check(report, "gate")
    return report["checks"][0]


@pytest.mark.parametrize(
    ("bar", "verdict", "margin", "reason"),
    [
        ({"min": 0.65}, "pass", 0.05, "reached"),
        ({"min": 0.7}, "pass", 0.0, "reached"),
        ({"min": 0.75}, "fail", -0.05, "0.0500 short of the bar"),
        ({"max": 0.75}, "pass", 0.05, "reached"),
        ({"max": 0.7}, "pass", 0.0, "reached"),
        ({"max": 0.6}, "fail", -0.1, "0.1000 short of the bar"),
        ({"min_gain": 0.05}, "pass", 0.05, "reached"),
        ({"min_gain": 0.12}, "fail", -0.02, "0.0200 short of the bar"),
    ],
)
def test_bars(bar, verdict, margin, reason):
    check = judged(measured(), **bar)
    assert (check["verdict"], check["reason"]) == (verdict, reason)
    assert check["margin"] == pytest.approx(margin)
    assert check["bar"] == bar


def test_a_lead_within_noise_is_no_lead():
    check = judged(measured(baselines=[baseline(interval=(-0.01, 0.2))]), min_gain=0.05)
    assert (check["verdict"], check["reason"]) == (
        "fail",
        "the lead over bm25 is within noise (interval from -0.0100)",
    )


@pytest.mark.parametrize(("bar", "noisy"), [({"min": 0.68}, True), ({"min": 0.5}, False), ({"min_gain": 0.1}, True)])
def test_within_noise_means_the_bar_lies_in_the_interval(bar, noisy):
    assert judged(measured(), **bar)["within_noise"] is noisy


def test_the_hardest_baseline_is_the_one_to_beat():
    entry = measured(baselines=[baseline("weak", 0.3), baseline("strong", 0.1), baseline("middling", 0.2)])
    assert judged(entry, min_gain=0.01)["baseline"]["name"] == "strong"
    assert judged(entry, min_gain=0.01, over="weak")["baseline"]["name"] == "weak"


NO_NUMBER = "the value is not a number: a broken evaluation"
NO_BASELINE = "baseline 'best' was not measured: a missing baseline blocks"
BROKEN = [
    (measured(n=0, value=None, interval=None), {"min": 0}, "nothing was measured (n = 0)"),
    (measured(value=None, interval=None), {"min": 0}, NO_NUMBER),
    (measured(value=None), {"max": 9}, NO_NUMBER),
    (measured(interval=None), {"min": 0}, NO_NUMBER),
    (measured(value=0.0), {"min": 0}, "recall is exactly 0 over 500 queries: a broken evaluation, not a score"),
    (measured(), {"min": 0, "over": "bm52"}, NO_BASELINE.replace("best", "bm52")),
    *(
        (measured(baselines=baselines), bar, NO_BASELINE)
        for baselines in ([], [baseline(), {**baseline(), "difference": None}], [{**baseline(), "interval": None}])
        for bar in ({"min": 0}, {"max": 1}, {"min_gain": 0})
    ),
]


@pytest.mark.parametrize(("entry", "bar", "reason"), BROKEN)
def test_what_cannot_be_trusted_blocks(entry, bar, reason):
    report = gates.judge(document(entry), [{"metric": "recall_at_10", "slice": "test", **bar}])
    config.check(report, "gate")
    assert not report["passed"]
    assert report["checks"][0]["reason"] == reason


def test_a_small_zero_is_a_score():
    assert judged(measured(value=0.0, n=100, interval=[0, 0]), min=0)["verdict"] == "pass"
    assert judged(measured(value=0.0, n=101, metric="spearman"), min=0)["verdict"] == "pass"


def test_advice_needs_no_baseline_and_blocks_nothing():
    entry = measured(metric="p95_ms", value=9.0, interval=[8, 10], baselines=[])
    bars = [
        {"metric": "p95_ms", "slice": "test", "max": 5, "advisory": True},
        {"metric": "recall_at_10", "slice": "test", "min": 0.5},
    ]
    report = gates.judge(document(entry, measured()), bars)
    assert report["passed"]
    assert [check["verdict"] for check in report["checks"]] == ["fail", "pass"]
    assert report["checks"][0]["reason"] == "4.0000 short of the bar"


def test_advice_on_a_lead_over_nobody_is_no_pass():
    bars = [
        {"metric": "recall_at_10", "slice": "test", "min_gain": 0, "advisory": True},
        {"metric": "mrr", "slice": "test", "min": 0},
    ]
    report = gates.judge(document(measured(baselines=[]), measured(metric="mrr")), bars)
    assert report["checks"][0]["verdict"] == "fail"


def test_one_blocking_failure_blocks():
    bars = [{"metric": "recall_at_10", "slice": "test", "min": bar} for bar in (0.5, 0.9)]
    assert not gates.judge(document(measured()), bars)["passed"]
    assert gates.judge(document(measured()), bars[:1])["passed"]


def test_advice_alone_is_no_gate():
    bars = [{"metric": "recall_at_10", "slice": "test", "min": 0.5, "advisory": True}]
    with pytest.raises(BadInput, match="naics: no blocking bar for dataset packaged, expected at least one"):
        gates.judge(document(measured()), bars)


def test_a_bar_for_other_data_does_not_hold():
    bars = [
        {"metric": "recall_at_10", "slice": "test", "min": 0.5},
        {"metric": "recall_at_10", "slice": "test", "min": 0.9, "dataset": "full"},
        {"metric": "recall_at_10", "slice": "test", "min": 0.6, "dataset": "packaged"},
    ]
    report = gates.judge(document(measured()), bars)
    assert (report["passed"], report["dataset"]) == (True, "packaged")
    assert [check["bar"] for check in report["checks"]] == [{"min": 0.5}, {"min": 0.6}]
    with pytest.raises(BadInput, match="no blocking bar for dataset packaged"):
        gates.judge(document(measured()), bars[1:2])


def test_a_bar_on_what_was_not_measured():
    said = "bar recall_at_10 on 'validation': not measured, expected one of: recall_at_10 on test"
    with pytest.raises(BadInput, match=said):
        gates.judge(document(measured()), [{"metric": "recall_at_10", "slice": "validation", "min": 0.5}])


def test_the_report_carries_evidence_and_source_and_no_time():
    metrics = document(measured())
    bars = [{"metric": "recall_at_10", "slice": "test", "min": 0.5}]
    report = gates.judge(copy.deepcopy(metrics), bars)
    assert (report["evidence"], report["source"]) == (metrics["evidence"], metrics["source"])
    assert json.dumps(report) == json.dumps(gates.judge(metrics, bars))


@given(
    st.integers(0, 200),
    NUMBER,
    st.none() | st.lists(st.floats(-1, 1), min_size=2, max_size=2),
    st.lists(BASELINE, max_size=3),
    st.sampled_from(["min", "max", "min_gain"]),
    st.floats(0, 1),
    st.sampled_from(["best", "bm25"]),
)
def test_whatever_the_schema_allows_gets_a_verdict(n, value, interval, baselines, kind, threshold, over):
    entry = measured(n=n, value=value, interval=interval, baselines=baselines)
    bars = [{"metric": "recall_at_10", "slice": "test", kind: threshold, "over": over}]
    config.check(document(entry), "metrics")
    config.check(bars, "bars")
    report = gates.judge(document(entry), bars)
    config.check(report, "gate")
    if report["passed"]:
        assert n > 0 and value is not None and interval is not None
        assert report["checks"][0]["baseline"]["difference"] is not None


# The schemas themselves


@pytest.mark.parametrize(
    ("schema", "wrong", "said"),
    [
        ("bars", [{"metric": "x", "slice": "test", "min": 0, "max": 1}], "0: expected exactly one of min, max and"),
        ("bars", [{"metric": "x", "slice": "test"}], "0: expected exactly one of min, max and min_gain"),
        ("bars", [{"metric": "x", "slice": "test", "mim": 0.5}], "0: unknown key 'mim', did you mean 'min'?"),
        ("bars", [], r"top level: \[\] should be non-empty"),
        ("metrics", {**document(measured()), "time": 1}, "top level: unknown key 'time'"),
        ("metrics", document(), "metrics: .* should be non-empty"),
        ("metrics", document(measured(interval=[0.5])), "metrics.0.interval: .* is too short"),
        ("metrics", document(measured(n=-1)), "metrics.0.n: -1 is less than the minimum of 0"),
        ("metrics", {**document(measured()), "evidence": {}}, "evidence: .* should be non-empty"),
    ],
)
def test_schemas_refuse(schema, wrong, said):
    with pytest.raises(BadInput, match=f"config: {said}"):
        config.check(wrong, schema)


def test_details_are_allowed():
    config.check({**document(measured()), "details": {"by_level": {"2": [0.9, 40]}}}, "metrics")


def test_a_report_that_contradicts_itself_is_refused():
    report = gates.judge(document(measured()), [{"metric": "recall_at_10", "slice": "test", "min": 0.9}])
    with pytest.raises(BadInput, match=r"checks.0: expected verdict pass or advisory true"):
        config.check({**report, "passed": True}, "gate")


def test_both_schemas_mean_the_same_by_baseline_and_interval():
    metrics, gate = (json.loads((config.SCHEMAS / f"{name}.json").read_text()) for name in ("metrics", "gate"))
    for shared in ("baseline", "interval"):
        assert metrics["$defs"][shared] == gate["$defs"][shared]
