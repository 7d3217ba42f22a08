"""Rows 22, 24, 25, 26: asked to stop, started twice, changed between runs, and diverging."""

import os
import signal

import pytest
import torch

from lib import checkpoint

SIGNALS = [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT]


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("step", [1, 3, 5])
def test_row_22_a_signal_saves_and_resumes(bench, expected, number, step):
    """save_seconds is a thousand: only the signal can have saved."""
    end = bench.run("--save-seconds", 1000, kill=["step", step, number])
    assert end.code == 75
    assert end.said == [f"tiny.py: tiny: stopped by {number.name} after step {step}, state saved"]
    assert bench.outputs() == {}
    again = bench.run()
    assert again.events("step") == 5 - step
    assert bench.outputs() == expected
    assert bench.states() == bench.temporaries() == []


@pytest.mark.parametrize("operation", range(3, 90, 8))
def test_row_22_a_signal_at_any_file_operation(bench, expected, operation):
    """Outside the loop too: exit 75, or too late to matter; never a traceback, never a temporary file."""
    end = bench.run(kill=["file", operation, signal.SIGTERM])
    assert end.code in (0, 75), end.log
    assert len(end.said) == (end.code == 75)
    assert bench.temporaries() == []
    assert bench.run().code == 0
    assert bench.outputs() == expected


def test_row_24_a_second_run_is_told_who_is_at_work(bench, expected):
    first = bench.start(kill=["step", 3, signal.SIGSTOP])
    try:
        assert bench.wait(first).code is None
        second = bench.run()
    finally:
        os.kill(first, signal.SIGCONT)
    assert second.code == 2
    home = bench.folder / "state" / "tiny"
    assert second.said == [f"tiny.py: {home}: in use by another run (process {first})"]
    assert second.events("step") == 0
    assert bench.wait(first).code == 0
    assert bench.outputs() == expected


def test_row_25_changed_flags_start_anew_and_it_is_said(bench, fresh):
    changed = ["--learning-rate", "0.01"]
    other = fresh("other")
    other.run(*changed)
    bench.run(kill=["step", 4, signal.SIGKILL])
    end = bench.run(*changed)
    assert "tiny: a state of another run is here; settings, inputs, code or versions differ: starting anew" in end.log
    assert end.events("step") == 5
    assert bench.outputs() == other.outputs()
    assert bench.states() == []


def test_row_25_a_changed_input_starts_anew_and_it_is_said(bench):
    bench.run(kill=["step", 4, signal.SIGKILL])
    bench.data.write_text(bench.data.read_text().replace("0.0", "0.5", 1))
    end = bench.run()
    assert "starting anew" in end.log
    assert end.events("step") == 5


def test_row_25_going_back_to_the_first_settings_finds_the_first_state(bench, expected):
    bench.run(kill=["step", 4, signal.SIGKILL])
    bench.run("--learning-rate", "0.01", kill=["step", 2, signal.SIGKILL])
    again = bench.run()
    assert "tiny: resumed at step 3\n" in again.log
    assert bench.outputs() == expected


def test_row_25_where_it_writes_and_how_often_does_not_count(bench, expected):
    bench.run(kill=["step", 4, signal.SIGKILL])
    again = bench.run("--save-seconds", 1000, "--out", bench.folder / "out")
    assert "tiny: resumed at step 3\n" in again.log
    assert bench.outputs() == expected


def test_row_26_a_loss_that_is_no_number_stops_before_the_update(bench, fresh):
    end = bench.run("--poison-at", 3)
    assert end.code == 1
    assert "Traceback" not in end.log
    (said,) = end.said
    assert said.startswith("tiny.py: step 3: loss nan, gradient norm nan: stopped before the update")

    sound = fresh("sound")
    sound.run("--save-seconds", 1000, kill=["step", 3, signal.SIGTERM])  # saved after three good steps
    (last,), (good,) = bench.states(), sound.states()
    tensors, about = checkpoint.load(last)
    assert about["step"] == 3
    assert tensors.keys() == checkpoint.load(good)[0].keys()
    assert all(torch.equal(tensor, tensors[name]) for name, tensor in checkpoint.load(good)[0].items())
    assert bench.outputs() == {}
    assert bench.temporaries() == []


def test_row_2_a_damaged_state_is_refused_by_name(bench):
    bench.run(kill=["step", 4, signal.SIGKILL])
    (state,) = bench.states()
    content = bytearray(state.read_bytes())
    content[-5] ^= 1
    state.write_bytes(content)
    end = bench.run()
    assert end.code == 2
    assert end.said == [f"tiny.py: {state}: content differs from its sha256, the file is damaged"]
    assert bench.outputs() == {}
