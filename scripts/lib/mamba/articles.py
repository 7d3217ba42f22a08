"""Where articles come from: a JSON lines file, a folder of texts, a dataset of the hub, the installed packages."""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pyarrow

from ..errors import BadInput
from ..files import check_keys, decoded, parse_json, read_text, sha256

KINDS = ("packages", "wikipedia", "jsonl", "folder", "hub")
WIKIPEDIA = "enwiki2018.jsonl.gz"
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
TEXTS = (".txt", ".md", ".rst")
SAID = {
    "wikipedia": "English Wikipedia articles of autumn 2018, text of their contributors (CC BY-SA 3.0)",
    "jsonl": "articles of the file {name}",
    "folder": "text files of the folder {name}",
    "hub": "articles of the hub's dataset {name}",
}


class Article(NamedTuple):
    """An article as its source tells it; `id` is unique in the source and one line."""

    id: str
    title: str
    paragraphs: list[str]


@dataclass(frozen=True)
class Source:
    """Articles in the order of the source, told only once, with where they come from.

    name   short, the dataset of metrics.json
    said   one sentence with origin and licence
    files  what was read, by name: sha256 of a file, version of a package, revision of a dataset
    """

    name: str
    said: str
    files: dict[str, str]
    articles: Iterator[Article]


def load(kind: str, path: str | None, folder: Path | None) -> Source:
    """The source of that kind; BadInput when it is not there. Its articles are read as they are asked for."""
    if kind == "packages":
        from . import docstrings  # here, because only this source reads syntax trees

        return docstrings.source()
    if kind == "wikipedia":
        if folder is None:
            raise BadInput("mamba.data: source wikipedia is in the data folder, expected the config key data_dir")
        path = str(folder / WIKIPEDIA)
    if path is None:
        raise BadInput(f"mamba.data: source {kind} needs the key path")
    if kind == "hub":
        from . import hub

        return hub.source(path, SAID[kind].format(name=path))
    place = Path(path)
    if not place.exists():
        raise BadInput(f"{place}: no such file or folder")
    read = of_folder if kind == "folder" else of_jsonl
    return Source(kind, SAID[kind].format(name=place.name), {place.name: sha256(place)}, read(place))


def of_jsonl(path: Path) -> Iterator[Article]:
    """One object {id, title, paragraphs} a line, plain or compressed by gzip or zstandard."""
    for at, line in enumerate(_lines(path), start=1):
        where = f"{path}: record {at}"
        record = parse_json(line, where)
        check_keys(record, ("id", "title", "paragraphs"), where)
        yield _article(record["id"], record["title"], record["paragraphs"], where)


def of_folder(folder: Path) -> Iterator[Article]:
    """Each text file below the folder, named by its path; blank lines part paragraphs."""
    found = sorted(path for path in folder.rglob("*") if path.suffix in TEXTS and path.is_file())
    if not found:
        raise BadInput(f"{folder}: no text files, expected some that end in {', '.join(TEXTS)}")
    for path in found:
        name = path.relative_to(folder).as_posix()
        yield _article(name, path.stem, paragraphs(read_text(path)), str(path))


def of_parquet(path: Path, where: str) -> Iterator[Article]:
    """Columns id, title and text, as wikimedia/wikipedia has them; blank lines part paragraphs."""
    try:
        table = pl.read_parquet(path, columns=["id", "title", "text"])
    except (pl.exceptions.PolarsError, OSError) as error:
        raise BadInput(f"{where}: no table with id, title and text ({str(error).splitlines()[0]})") from None
    for at, (name, title, text) in enumerate(table.iter_rows()):
        yield _article(name, title, paragraphs(text or ""), f"{where}: row {at}")


def paragraphs(text: str) -> list[str]:
    """The parts of a text between blank lines."""
    return [part for part in re.split(r"\n\s*\n", text) if part.strip()]


def _article(name: Any, title: Any, told: Any, where: str) -> Article:
    """The checked article; BadInput when a value is of another type or an id is not one line."""
    name = str(name) if isinstance(name, int) else name
    if not isinstance(name, str) or name.splitlines() != [name]:
        raise BadInput(f"{where}: id {name!r}, expected a number or one line of text")
    if not isinstance(title, str) or not isinstance(told, list) or not all(isinstance(part, str) for part in told):
        raise BadInput(f"{where}: article {name!r}: expected a text for title and a list of texts for paragraphs")
    return Article(name, title, told)


def _lines(path: Path) -> Iterator[str]:
    """Lines that are not blank; BadInput names the first that is not UTF-8, and the byte in it."""
    try:
        with pyarrow.input_stream(str(path), compression=COMPRESSIONS.get(path.suffix)) as stream:
            for number, line in enumerate(io.BufferedReader(stream), start=1):
                if line.strip():
                    yield decoded(line, f"{path}: line {number}")
    except (OSError, EOFError) as error:
        raise BadInput(f"{path}: damaged or cut short ({error})") from None
