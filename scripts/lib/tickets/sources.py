"""Where tickets come from: the packaged incidents, your own files, or a public data set of the data folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..cli import log
from ..errors import BadInput
from ..files import read_json, sha256
from . import export
from .source import Source, Ticket, clean

KINDS = ("incidents", "files", "banking77", "clinc150")
BANKING77 = ("train.csv", "test.csv")
CLINC150 = "data_full.json"
SAID = {
    "files": "tickets of the files {names}",
    "banking77": "13,083 customer-support queries with 77 intents, banking77 by PolyAI (CC BY 4.0)",
    "clinc150": "22,500 short queries with 150 intents, clinc150 by Larson et al. (CC BY 3.0)",
}


def load(
    kind: str, folder: Path | None, files: Sequence[Path], columns: dict[str, Any] | None, min_group: int
) -> Source:
    """The source of that kind, said on stderr; BadInput when it is not there or wrong."""
    source = _load(kind, folder, files, columns, min_group)
    log(f"tickets source: {source.said}")
    return source


def _load(
    kind: str, folder: Path | None, files: Sequence[Path], columns: dict[str, Any] | None, min_group: int
) -> Source:
    if kind == "incidents":
        from . import incidents  # here, because reading 19 MB is not for those who bring their own

        return incidents.read()
    if kind == "files":
        if not files or not columns:
            raise BadInput("tickets.data: source files needs the keys files and columns")
        said = SAID[kind].format(names=", ".join(path.name for path in files))
        return export.read(files, export.columns_of(columns), min_group, kind, said)
    if folder is None:
        raise BadInput(f"tickets.data: source {kind} is in the data folder, expected the config key data_dir")
    if kind == "banking77":
        known = export.Columns(text=("text",), labels=("category",))
        return export.read([folder / kind / name for name in BANKING77], known, min_group, kind, SAID[kind])
    return _clinc150(folder / kind / CLINC150)


def _clinc150(path: Path) -> Source:
    """A JSON object of lists of [text, intent]; "oos" (out of scope) is no intent."""
    parts = read_json(path)
    rows = [(f"{part}-{at:05d}", *row) for part, rows in sorted(parts.items()) for at, row in enumerate(rows)]
    labels = [None if intent == "oos" else intent for _, _, intent in rows]
    tickets = [Ticket(id, clean([text]), clean([text]), label, label, "") for (id, text, _), label in zip(rows, labels)]
    return Source("clinc150", SAID["clinc150"], {path.name: sha256(path)}, tickets, {"records": len(rows)})
