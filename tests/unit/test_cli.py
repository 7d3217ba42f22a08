"""lib.cli: one line, the right exit code, types of flags."""

import argparse
import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from lib import cli

FAIL = "from lib import cli, errors\ndef main():\n    raise {}\ncli.run(main)"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("errors.BadInput('a.json: row 3:\\n too long')", 2),
        ("errors.CannotWrite('a.json: row 3: too long')", 74),
        ("errors.Stopped('a.json: row 3: too long')", 75),
        ("errors.Diverged('a.json: row 3: too long')", 1),
    ],
)
def test_an_expected_end_is_one_line_and_its_code(run_python, error, code):
    run = run_python(FAIL.format(error))
    assert (run.returncode, run.stderr, run.stdout) == (code, "-c: a.json: row 3: too long\n", "")


def test_our_bug_keeps_its_traceback(run_python):
    run = run_python(FAIL.format("KeyError('positives')"))
    assert run.returncode == 1
    assert "Traceback" in run.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_a_signal_outside_the_loop_ends_with_75(run_python, number):
    text = f"import os; from lib import cli\ndef main():\n    os.kill(os.getpid(), {int(number)})\ncli.run(main)"
    run = run_python(text)
    said = f"-c: stopped by {number.name}; the same command starts again\n"
    assert (run.returncode, run.stderr) == (75, said)


def test_no_library_swallows_a_signal(run_python):
    body = "    try: os.kill(os.getpid(), 15); time.sleep(9)\n    except Exception: pass\n"
    assert run_python(f"import os, time; from lib import cli\ndef main():\n{body}cli.run(main)").returncode == 75


@pytest.mark.parametrize("lines", [1, 100_000])
def test_a_closed_pipe_is_no_success_and_no_traceback(lines):
    body = f"import os, sys, time; from lib import cli\ndef main():\n    os.read(0, 1)\n    print('x\\n' * {lines})\n"
    process = subprocess.Popen(
        [sys.executable, "-c", body + "cli.run(main)"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": ""},
    )
    process.stdout.close()
    process.stdin.write(b"x")
    process.stdin.close()
    said = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), said) == (74, b"")


def test_help_shows_the_docstring_and_every_default(capsys):
    parser = cli.parser("First line.\n\n  kept as it is")
    parser.add_argument("--nprobe", type=cli.positive_int, default=8, help="lists to visit")
    with pytest.raises(SystemExit):
        parser.parse_args(["--help"])
    shown = capsys.readouterr().out
    assert "First line.\n\n  kept as it is" in shown
    assert "lists to visit (default: 8)" in shown


def test_a_flag_must_be_written_out():
    parser = cli.parser(None)
    parser.add_argument("--limit")
    with pytest.raises(SystemExit):
        parser.parse_args(["--lim", "3"])


@pytest.mark.parametrize(("text", "value"), [("1", 1), ("512", 512)])
def test_positive_int(text, value):
    assert cli.positive_int(text) == value


@pytest.mark.parametrize(("text", "value"), [("0", 0.0), ("1", 1.0), ("1e-3", 0.001)])
def test_fraction(text, value):
    assert cli.fraction(text) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        *((cli.positive_int, text) for text in ("0", "-3", "1.5", "many")),
        *((cli.fraction, text) for text in ("-0.1", "1.01", "nan", "half")),
        *((cli.json_value, text) for text in ("[1,", "", "{'a': 1}")),
    ],
)
def test_what_a_flag_does_not_take(read, text):
    with pytest.raises((argparse.ArgumentTypeError, ValueError)):
        read(text)


def test_json_value():
    assert cli.json_value('{"levels": [5, 6]}') == {"levels": [5, 6]}


def test_a_log_line_is_one_write(monkeypatch):
    """So that lines of several processes stay whole."""
    written: list[str] = []
    monkeypatch.setattr(sys, "stderr", SimpleNamespace(write=written.append, flush=lambda: None))
    cli.log("stage1: saved")
    assert written == ["stage1: saved\n"]
