"""The original's payload, a pickled dict inside a .npy, read by interpreting its opcodes: nothing in it can run.

    {id: (text, {"article_index": int, "chunk_index": int, "cpe_id": str}, float32 array (d,)), ...}

pickletools tells the opcodes; the few that such a dict consists of are carried out on inert values here, and
every other one is refused. Entries come one by one, so that the whole dict is never in memory.
"""

import pickletools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput

ARRAYS = {f"numpy.{core}.multiarray" for core in ("core", "_core")}
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
LITERALS = {"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "SHORT_BINBYTES", "BINBYTES", "BINBYTES8"}
LITERALS |= {"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"}
EMPTY = {"EMPTY_LIST": list, "EMPTY_DICT": dict}
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
IGNORED = {"PROTO", "FRAME"}
MARK = object()


class Entry(NamedTuple):
    """A chunk as the original kept it: its place in an article, text and vector `(d,)`."""

    id: str
    text: str
    article: int
    chunk: int
    vector: NDArray[np.float32]


class Name(NamedTuple):
    """A global that the file mentions; it is compared, never looked up."""

    module: str
    name: str


@dataclass
class Built:
    """A dtype or an array of the file: what it was made of, and the state it was given."""

    kind: str
    made_of: tuple[Any, ...]
    state: tuple[Any, ...] = ()


class Refused(Exception):
    """An opcode or value that a payload does not consist of."""


def read(path: Path) -> Iterator[Entry]:
    """The entries in the file's order; BadInput when it is damaged or anything but such a dict."""
    try:
        with path.open("rb") as stream:
            _skip_header(stream)
            for at, (key, value) in enumerate(_pairs(stream)):
                yield _entry(key, value, at)
    except Refused as error:
        raise BadInput(f"{path}: {error}, expected the original's payload and nothing else") from None
    except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"{path}: damaged or no payload ({' '.join(str(error).split())})") from None
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}") from None


def _skip_header(stream: IO[bytes]) -> None:
    version = np.lib.format.read_magic(stream)
    header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
    shape, _, dtype = header(stream)
    if shape != () or not dtype.hasobject:
        raise Refused(f"an array {shape} of {dtype}")


def _pairs(stream: IO[bytes]) -> Iterator[tuple[Any, Any]]:
    """The items of the outermost dict, as they are put into it."""
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    outermost: dict[Any, Any] | None = None
    for opcode, argument, at in pickletools.genops(stream):
        name = opcode.name
        if name in ("SETITEM", "SETITEMS"):
            items = _popped(stack) if name == "SETITEMS" else [stack.pop(-2), stack.pop()]
            pairs = list(zip(items[::2], items[1::2]))
            if stack[-1] is outermost:
                yield from pairs
                for _, value in pairs:
                    _forget(value)
            else:
                stack[-1].update(pairs)
        elif name == "STOP":
            return
        else:
            _step(name, argument, at, stack, memo)
            outermost = stack[-1] if outermost is None and name == "EMPTY_DICT" else outermost
    raise Refused("cut short")


def _step(name: str, argument: Any, at: int | None, stack: list[Any], memo: dict[int, Any]) -> None:
    """One opcode, on the stack and the memo."""
    if name in LITERALS:
        stack.append(argument)
    elif name in CONSTANTS:
        stack.append(CONSTANTS[name])
    elif name in EMPTY:
        stack.append(EMPTY[name]())
    elif name == "MARK":
        stack.append(MARK)
    elif name == "EMPTY_TUPLE":
        stack.append(())
    elif name == "TUPLE":
        stack.append(tuple(_popped(stack)))
    elif name in TUPLES:
        stack[-TUPLES[name] :] = [tuple(stack[-TUPLES[name] :])]
    elif name == "APPEND":
        last = stack.pop()
        stack[-1].append(last)
    elif name == "MEMOIZE":
        memo[len(memo)] = stack[-1]
    elif name in ("BINPUT", "LONG_BINPUT"):
        memo[argument] = stack[-1]
    elif name in ("BINGET", "LONG_BINGET"):
        stack.append(memo[argument])
    elif name in ("GLOBAL", "STACK_GLOBAL"):
        words = argument.split(" ") if name == "GLOBAL" else [stack.pop(-2), stack.pop()]
        stack.append(Name(*words))
    elif name == "REDUCE":
        made_of, made_by = stack.pop(), stack.pop()
        stack.append(_made(made_by, made_of, at))
    elif name == "BUILD":
        state = stack.pop()
        stack[-1].state = state
    elif name not in IGNORED:
        raise Refused(f"opcode {name} at byte {at} of its pickle")


def _popped(stack: list[Any]) -> list[Any]:
    """What stands above the last mark, which goes too."""
    start = max(at for at, value in enumerate(stack) if value is MARK)
    above = stack[start + 1 :]
    del stack[start:]
    return above


def _made(by: Any, of: tuple[Any, ...], at: int | None) -> Built:
    if by == Name("numpy", "dtype"):
        return Built("dtype", of)
    if isinstance(by, Name) and by.module in ARRAYS and by.name in ("_reconstruct", "scalar"):
        return Built(by.name, of)
    called = ".".join(by) if isinstance(by, Name) else type(by).__name__
    raise Refused(f"a call of {called} at byte {at} of its pickle")


def _forget(value: Any) -> None:
    """Drop what is large of an entry that was handed on; the memo keeps its shell."""
    for part in value if isinstance(value, tuple) else ():
        if isinstance(part, Built):
            part.state = ()


def _entry(key: Any, value: Any, at: int) -> Entry:
    text, about, vector = value
    if not isinstance(text, str) or not isinstance(key, (str, int)):
        raise Refused(f"entry {at} without an id or a text")
    return Entry(str(key), text, _whole(about["article_index"]), _whole(about["chunk_index"]), _array(vector, at))


def _array(value: Any, at: int) -> NDArray[np.float32]:
    """The float32 vector of a rebuilt array (version, shape, dtype, order, bytes)."""
    _, shape, dtype, _, content = value.state
    if value.kind != "_reconstruct" or dtype.made_of[0] != "f4" or not isinstance(content, bytes) or len(shape) != 1:
        raise Refused(f"entry {at} with a vector that is no plain float32 array")
    return np.frombuffer(content, dtype=f"{_order(dtype)}f4").astype(np.float32).reshape(shape)


def _order(dtype: Built) -> str:
    """Its byte order; one-byte types have none."""
    return ">" if dtype.state[1] == ">" else "<"


def _whole(value: Any) -> int:
    """An int, or a numpy scalar of integers."""
    if isinstance(value, Built) and value.kind == "scalar" and value.made_of[0].made_of[0][0] in "iu":
        dtype, content = value.made_of
        return int(np.frombuffer(content, dtype=f"{_order(dtype)}{dtype.made_of[0]}")[0])
    if not isinstance(value, int):
        raise Refused(f"an index that is {type(value).__name__}, not a whole number")
    return value
