"""What every command line shares: the parser, one-line errors, exit codes, log lines."""

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from .errors import BadInput, CannotWrite, Diverged, Stopped


def parser(doc: str | None) -> argparse.ArgumentParser:
    """A parser whose help is the script's docstring and shows every default."""
    return argparse.ArgumentParser(
        description=doc,
        formatter_class=type(
            "Format", (argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter), {}
        ),
        allow_abbrev=False,
    )


def run(main: Callable[[], None]) -> None:
    """Run `main`; a user's mistake becomes one line and its exit code, our bug keeps its traceback."""

    def stop(number: int, _: object) -> None:
        raise Stopped(f"stopped by {signal.Signals(number).name}; the same command starts again")

    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
        signal.signal(number, stop)
    try:
        main()
    except (BadInput, CannotWrite, Diverged, Stopped) as error:
        log(f"{Path(sys.argv[0]).name}: {' '.join(str(error).split())}")
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def log(message: str) -> None:
    """One plain line on stderr, whole even when several processes write."""
    sys.stderr.write(message + "\n")
    sys.stderr.flush()


def positive_int(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return value


def fraction(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def json_value(text: str) -> object:
    """A flag that carries a list or a mapping, as `flags()` writes them."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error.msg} at column {error.colno}") from None
