"""What the library says when it refuses its input, and files with one wrong bit that it must refuse."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lib.errors import BadInput


def refused(call: Callable[..., object], *arguments: object, **knobs: object) -> str:
    """The one line that the call says of its input."""
    with pytest.raises(BadInput) as error:
        call(*arguments, **knobs)
    assert "\n" not in str(error.value)
    return str(error.value)


def flipped(path: Path, step: int = 1) -> Iterator[int]:
    """Every `step`-th byte, while one of its bits is changed in the file; at the end the file is as it was."""
    content = path.read_bytes()
    for place in range(0, len(content), step):
        changed = bytearray(content)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        yield place
    path.write_bytes(content)
