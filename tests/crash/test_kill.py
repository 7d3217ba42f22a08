"""Row 21: a run killed at any instant and started again ends with the same bytes as one never killed."""

import re
import signal

import pytest


def assert_whole(bench, expected, why):
    assert bench.outputs() == expected, why
    assert sorted(bench.files(".")) == sorted(["state/tiny/lock", *(f"out/{name}" for name in expected)]), why


def test_an_undisturbed_run_is_repeatable_and_leaves_nothing(bench, expected):
    end = bench.run()
    assert (end.code, end.said) == (0, [])
    assert_whole(bench, expected, end.log)
    assert sorted(expected) == ["history.csv", "model.ckpt", "model/config.json", "model/weights.safetensors"]


def test_row_21_killed_at_every_file_operation(fresh):
    """Three steps: a first state, one with a best model that replaces it, one after."""
    undisturbed = fresh("undisturbed")
    undisturbed.run("--steps", 3)
    number, code = 0, -signal.SIGKILL
    while code == -signal.SIGKILL:
        number += 1
        bench = fresh(f"kill-{number}")
        code = bench.run("--steps", 3, kill=["file", number, signal.SIGKILL]).code
        again = bench.run("--steps", 3)
        assert again.code == 0, f"killed at operation {number}: {again.log}"
        assert_whole(bench, undisturbed.outputs(), f"killed at operation {number}: {again.log}")
    assert code == 0
    assert number > 50, "three saves and three outputs are more operations than that"


@pytest.mark.parametrize("step", range(1, 6))
def test_row_21_killed_in_every_step(bench, expected, step):
    assert bench.run(kill=["step", step, signal.SIGKILL]).code == -signal.SIGKILL
    assert bench.outputs() == {}
    again = bench.run()
    assert ("resumed at step" in again.log) == (step > 1)
    assert f"tiny: resumed at step {step - 1}\n" in again.log or step == 1
    assert again.events("step") == 5 - (step - 1)
    assert_whole(bench, expected, again.log)


@pytest.mark.parametrize("length", range(4_000, 20_000, 1_500))
def test_row_21_killed_in_the_middle_of_a_write(bench, expected, length):
    """The kernel kills at that byte of any file; the second run saves nothing, so it must sweep what it never wrote."""
    first = bench.run(limit=length, die=True)
    again = bench.run("--save-seconds", 1000)
    assert first.code in (0, -signal.SIGXFSZ)
    assert_whole(bench, expected, again.log)


def test_a_write_was_really_cut(bench):
    assert bench.run(limit=4_000, die=True).code == -signal.SIGXFSZ
    assert [path.stat().st_size for name, path in bench.files(".").items() if "tmp" in name] == [4_000]


def test_row_21_killed_again_and_again(bench, expected):
    """Every attempt goes on where the one before it died, and dies a few operations later."""
    begun = []
    for number in (20, 25, 30, 35):
        end = bench.run(kill=["file", number, signal.SIGKILL])
        assert end.code == -signal.SIGKILL
        begun += re.findall(r"resumed at step (\d)", end.log)
    assert begun == sorted(begun) and begun[0] < begun[-1]
    assert_whole(bench, expected, bench.run().log)
