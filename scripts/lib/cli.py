"""What every command line shares: the parser, one-line errors, exit codes, log lines."""

import argparse
import dataclasses
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .errors import CANNOT_WRITE, BadInput, BrokenModel, CannotWrite, Diverged, Stopped
from .files import as_tuples, read_text


class Format(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Show every default and leave the docstring's lines alone."""


def parser(doc: str | None) -> argparse.ArgumentParser:
    """A parser whose help is the script's docstring and shows every default."""
    return argparse.ArgumentParser(description=doc, formatter_class=Format, allow_abbrev=False)


def run(main: Callable[[], None]) -> None:
    """Run `main`; a user's mistake becomes one line and its exit code, our bug keeps its traceback."""

    def stop(number: int, _: object) -> None:
        raise Stopped(f"stopped by {signal.Signals(number).name}; the same command starts again")

    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
        signal.signal(number, stop)
    try:
        main()
        sys.stdout.flush()
    except (BadInput, BrokenModel, CannotWrite, Diverged, Stopped) as error:
        log(f"{Path(sys.argv[0]).name}: {' '.join(str(error).split())}")
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(CANNOT_WRITE)


def log(message: str) -> None:
    """One plain line on stderr, whole even when several processes write."""
    sys.stderr.write(message + "\n")
    sys.stderr.flush()


def asked(words: Sequence[str], file: Path | None, what: str) -> list[str]:
    """Texts of the command line and the lines of a file, without blank ones; BadInput when there are none."""
    lines = [*words, *(read_text(file).splitlines() if file else ())]
    texts = [line.strip() for line in lines if line.strip()]
    if not texts:
        raise BadInput(f"no {what} given, expected one as an argument or a --file with one a line")
    return texts


def positive_int(text: str) -> int:
    """A flag's whole number from 1 on."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return value


def fraction(text: str) -> float:
    """A flag's number from 0 to 1."""
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


def add_knobs(parser: argparse.ArgumentParser, *knobs: Any) -> None:
    """One flag for each field of the dataclasses; a field without default is required."""
    for knob in knobs:
        group = parser.add_argument_group(knob.__name__.lower(), (knob.__doc__ or "").splitlines()[0])
        for field in dataclasses.fields(knob):
            flag = "--" + field.name.replace("_", "-")
            required = field.default is dataclasses.MISSING
            default = None if required else field.default
            if field.type in (bool, "bool"):
                group.add_argument(flag, action="store_true")
            else:
                kind = field.type if field.type in (int, float, str) else json_value
                group.add_argument(flag, type=kind, required=required, default=default, help=" ")


def knobs(kind: Any, args: argparse.Namespace) -> Any:
    """The dataclass filled from the flags that `add_knobs` made."""
    values = {field.name: getattr(args, field.name) for field in dataclasses.fields(kind)}
    return kind(**as_tuples(values))
