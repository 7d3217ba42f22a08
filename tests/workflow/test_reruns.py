"""Which jobs an edit reruns: nothing more, nothing less."""

import os

import pytest
from tiny_workflow import TARGETS, TINY

AFTER_METRICS = {"gate": 1, "report_gates": 1, "report_card": 1, "report_page": 1}
ONCE_A_PIPELINE = ("gate", "report_gates", "report_card")
PIPELINES = TINY["pipelines"]


def changed(plan: dict[str, int]) -> dict[str, int]:
    return {rule: count for rule, count in plan.items() if rule not in ("all",)}


def test_a_finished_tree_has_nothing_to_do(finished):
    done = finished.snakemake("--dry-run", *TARGETS)
    assert "Nothing to be done" in done.stdout + done.stderr
    assert finished.plan() == {}


def test_a_knob_of_stage_2_reruns_stages_2_and_3_and_what_follows(edited):
    edited.edit("tiny.yaml", "stage2:\n      steps: 2", "stage2:\n      steps: 3")
    plan = edited.plan()
    assert plan["train_naics_stage"] == 2
    assert "encode_naics" not in plan and "prepare_naics" not in plan


def test_a_bar_reruns_the_gate_and_its_reports_alone(edited):
    edited.edit("config/naics.yaml", "min_gain: 0.0, over: TF-IDF", "min_gain: 0.01, over: TF-IDF")
    assert changed(edited.plan()) == AFTER_METRICS


def test_a_module_of_the_model_reruns_what_imports_it(edited):
    edited.edit("scripts/lib/naics/lorentz.py", '"""Lorentz', '"""The Lorentz')
    plan = edited.plan()
    assert plan["train_naics_stage"] == 3
    assert plan["eval_naics"] == 1 and plan["embed_naics"] == 1
    assert "prepare_naics" not in plan and "encode_naics" not in plan


def test_the_metrics_module_reruns_training_only_where_validation_uses_it(edited):
    edited.edit("scripts/lib/metrics.py", '"""Scores', '"""The scores')
    plan = edited.plan()
    assert all(plan[f"eval_{pipeline}"] == 1 for pipeline in PIPELINES) and plan["gate"] == len(PIPELINES)
    assert plan["train_naics_stage"] == 3, "checkpoints are chosen by validation.py, which imports metrics"
    assert not plan.keys() & {"prepare_naics", "encode_naics", "prepare_tickets", "build_ticket_pairs"}


def test_the_gates_module_trains_nothing(edited):
    edited.edit("scripts/lib/gates.py", '"""What a gate decides', '"""What every gate decides')
    assert changed(edited.plan()) == {**AFTER_METRICS, **dict.fromkeys(ONCE_A_PIPELINE, len(PIPELINES))}


def test_a_knob_of_the_tickets_leaves_naics_alone(edited):
    edited.edit("tiny.yaml", "batch_size: 4", "batch_size: 5")
    plan = edited.plan()
    assert plan["train_tickets"] == plan["eval_tickets"] == 1
    assert not {rule for rule in plan if any(other in rule for other in ("naics", "mamba", "correlation", "prepare"))}


def test_an_input_file_s_content_reruns_from_there(finished):
    taxonomy = finished.folder / "results/naics/data/source.json"
    text, times = taxonomy.read_text(), taxonomy.stat()
    try:
        taxonomy.write_text(text.replace("{", "{ ", 1))
        plan = finished.plan()
        assert plan["encode_naics"] == 1 and plan["train_naics_stage"] == 3
        assert "prepare_naics" not in plan
    finally:
        taxonomy.write_text(text)
        os.utime(taxonomy, ns=(times.st_atime_ns, times.st_mtime_ns))


@pytest.mark.parametrize("path", ["results/naics/texts.safetensors", "results/tickets/pairs.json"])
def test_an_input_file_s_time_alone_reruns_nothing(finished, path):
    os.utime(finished.folder / path)
    assert finished.plan() == {}


def test_a_line_in_the_readme_reruns_nothing(edited):
    (edited.folder / "README.md").write_text("Another text.\n")
    assert edited.plan() == {}
