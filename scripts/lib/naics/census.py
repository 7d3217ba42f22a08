"""The four Census files of NAICS 2022 as they really are, cleaned.

Their quirks, each handled here: a blank row below the header, sector ranges as text, newlines that
come as CRLF or LF with the reader, 'NULL' and 'See industry description for NNNNNN.' in place of
a description, a tail that announces the cross references, and index rows with asterisks for a code
('Clinics, medical -- see type'). Titles come from the code list, because the description file
appends a stray T to many of them.
"""

import csv
import io
import re
from collections import Counter, defaultdict
from pathlib import Path

import fastexcel

from ..errors import BadInput
from ..files import read_text, sha256
from .source import ROLES, Entry, Reference, Source
from .taxonomy import Node

CODES = "2-6 digit_2022_Codes.xlsx"
DESCRIPTIONS = "2022_NAICS_Descriptions.xlsx"
INDEX = "2022_NAICS_Index_File.xlsx"
REFERENCES = "2022_NAICS_Cross_References.xlsx"
ENTRY_ROLES = "entry_roles.csv"
FILES = (CODES, DESCRIPTIONS, INDEX, REFERENCES)

INHERITED = re.compile(r"See industry description for (\d{6})\.")
TAIL = re.compile(r"\s*Cross-References\..*", re.DOTALL)
STATEMENT = re.compile(r"\s*(?:--|\u2014|,)?\s*(?:are|is) l?classified\b")  # one row says lclassified
TARGET = re.compile(r"(?:Sector|Subsector|Industry Group|Industry|Industries) (\d{2}-\d{2}|\d{2,6})\b")
PREAMBLE = re.compile(r"(?:Government e|E)stablishments primarily engaged in ")


def read(folder: Path, kind: str, said: str) -> Source:
    """Parse the four files, and the published roles where they lie beside; BadInput names file and place."""
    titles = _by_code(folder / CODES, "2022 NAICS US Code", "2022 NAICS US Title")
    references = _rows(folder / REFERENCES, "Code", "Cross-Reference")
    entries = _entries(folder / INDEX, set(titles))
    files = [name for name in (*FILES, ENTRY_ROLES) if (folder / name).is_file()]
    return Source(
        kind,
        said,
        {name: sha256(folder / name) for name in files},
        _nodes(titles, folder / DESCRIPTIONS, references),
        [target for row in references for target in parse_reference(*row)],
        entries,
        read_roles(folder / ENTRY_ROLES, entries) if ENTRY_ROLES in files else (),
    )


def _rows(path: Path, first: str, second: str) -> list[tuple[str, str]]:
    """Two columns of the first sheet as clean text, without blank rows."""
    if not path.is_file():
        raise BadInput(f"{path}: no such file, expected a Census file of that name")
    try:
        table = fastexcel.read_excel(path).load_sheet(0, dtypes="string").to_polars()
    except fastexcel.FastExcelError as error:
        raise BadInput(f"{path}: not a workbook, damaged or cut short ({str(error).splitlines()[0]})") from None
    by_name = {" ".join(name.split()): name for name in table.columns}
    for column in (first, second):
        if column not in by_name:
            raise BadInput(f"{path}: first sheet: missing column {column!r}, expected {first!r} and {second!r}")
    rows = table.select(by_name[first], by_name[second]).iter_rows()
    return [(clean(a or ""), clean(b or "")) for a, b in rows if a or b]


def clean(cell: str) -> str:
    """Newlines as LF whatever the reader made of them, blanks single and never at a line's end."""
    lines = cell.replace("_x000D_", "").splitlines()
    return "\n".join(" ".join(line.split()) for line in lines).strip()


def _by_code(path: Path, first: str, second: str) -> dict[str, str]:
    rows = _rows(path, first, second)
    by_code = dict(rows)
    if len(by_code) < len(rows):
        code, count = Counter(code for code, _ in rows).most_common(1)[0]
        raise BadInput(f"{path}: code {code} stands {count} times")
    return by_code


def _nodes(titles: dict[str, str], path: Path, references: list[tuple[str, str]]) -> list[Node]:
    raw = _by_code(path, "Code", "Description")
    excluded = defaultdict(list)
    for code, text in references:
        excluded[code].append(_without_conjunction(text))
    for code in titles:
        pointed = INHERITED.fullmatch(raw.get(code, ""))
        if code not in raw or (pointed and INHERITED.fullmatch(raw.get(pointed[1], raw[code]))):
            raise BadInput(f"{path}: code {code} has no description, expected a row for every code of {CODES}")
    described = {code: _describe(code, raw) for code in titles}
    return [Node(code, title, *described[code], excluded[code]) for code, title in titles.items()]


def _describe(code: str, raw: dict[str, str]) -> tuple[str, str]:
    """A code's description and the code it is inherited from, which is "" for its own.

    A code that says NULL inherits from an only child, because both are the same establishments;
    one with several children stays empty.
    """
    text = raw[code]
    if pointed := INHERITED.fullmatch(text):
        return _describe(pointed[1], raw)[0], pointed[1]
    if text != "NULL":
        return TAIL.sub("", text), ""
    children = [other for other in raw if other[:-1] == code]
    if len(children) != 1:
        return "", ""
    text, inherited_from = _describe(children[0], raw)
    return text, inherited_from or children[0]


def parse_reference(code: str, text: str) -> list[Reference]:
    """One reference for each code that the sentence sends the reader to; none when it names no code.

    "Growing soybeans--are classified in Industry 111110, Soybean Farming; and" gives
    ("Growing soybeans", "111110"); "are classified according to the primary activity" gives nothing.
    """
    activity, *rest = STATEMENT.split(text, maxsplit=1)
    activity = PREAMBLE.sub("", activity)
    activity = activity[:1].upper() + activity[1:]
    return [Reference(code, activity, target) for target in TARGET.findall("".join(rest))]


def _without_conjunction(text: str) -> str:
    """A sentence of a list as one of its own: "...Farming; and" becomes "...Farming."."""
    return re.sub(r"[;.]?(\s+(and|or))?$", "", text) + "."


def _entries(path: Path, known: set[str]) -> list[Entry]:
    """The index rows that carry a code; the rest are pointers to other words ('Shops -- see type')."""
    rows = _rows(path, "NAICS22", "INDEX ITEM DESCRIPTION")
    entries: list[Entry] = []
    for number, (code, text) in enumerate(rows):
        if set(code) == {"*"}:
            continue
        if code not in known:
            raise BadInput(f"{path}: row {number + 2}: code {code!r} is not in {CODES}")
        if not text:
            raise BadInput(f"{path}: row {number + 2}: empty description of code {code}")
        entries.append(Entry(len(entries), text, code, "index"))
    return entries


def read_roles(path: Path, entries: list[Entry]) -> list[str]:
    """The published role of each entry, in entry order; BadInput where the file and the index disagree."""
    rows = list(csv.DictReader(io.StringIO(read_text(path))))
    if len(rows) != len(entries):
        raise BadInput(f"{path}: {len(rows)} roles, but the index has {len(entries)} entries")
    for number, (row, entry) in enumerate(zip(rows, entries)):
        if (row.get("entry_id"), row.get("code")) != (str(entry.entry_id), entry.code):
            raise BadInput(f"{path}: row {number + 2}: expected entry {entry.entry_id} of code {entry.code}")
        if row.get("role") not in ROLES:
            raise BadInput(f"{path}: row {number + 2}: role {row.get('role')!r}, expected one of {', '.join(ROLES)}")
    return [row["role"] for row in rows]
