"""Tables and pictures as HTML that needs nothing from elsewhere; whatever comes in as text is escaped."""

import re
from html import escape
from pathlib import Path

from ..files import read_text
from .tables import Table

# What only a file of its own needs: the XML prologue, the document type, matplotlib's metadata and a style
# that, inlined, would hold for the whole page.
WRAPPING = re.compile(r"^.*?(?=<svg)|<metadata>.*?</metadata>|<style.*?</style>", re.DOTALL)
IDENTIFIERS = re.compile(r'(\bid="|href="#|url\(#)')


def table(content: Table) -> str:
    """A table whose cells carry their column's name, so that a narrow screen can show a row as a card."""
    header = "".join(f'<th scope="col">{escape(name)}</th>' for name in content.header)
    marks = content.marks or [""] * len(content.rows)
    body = "\n".join(_row(content.header, cells, mark) for cells, mark in zip(content.rows, marks))
    caption = f"<caption>{escape(content.caption)}</caption>"
    parts = f"<thead><tr>{header}</tr></thead>\n<tbody>\n{body}\n</tbody>"
    return f'<div class="scroll"><table>{caption}\n{parts}</table></div>'


def _row(header: list[str], cells: list[str], mark: str) -> str:
    first, *others = map(escape, cells)
    rest = "".join(f'<td data-label="{escape(name)}">{cell}</td>' for name, cell in zip(header[1:], others))
    return f'<tr class="{escape(mark)}"><th scope="row">{first}</th>{rest}</tr>'


def picture(path: Path) -> str:
    """An SVG file inline; its ids get a prefix, since two pictures in one page may share some."""
    prefix = re.sub(r"\W", "-", f"{path.parent.parent.name}-{path.stem}")
    drawing = IDENTIFIERS.sub(rf"\g<1>{prefix}-", WRAPPING.sub("", read_text(path)))
    return "<figure>" + drawing.replace("<svg", '<svg role="img"', 1).strip() + "</figure>"


def definitions(terms: dict[str, str]) -> str:
    """Terms and their meanings as a list."""
    rows = "".join(f"<dt>{escape(term)}</dt><dd>{escape(meaning)}</dd>\n" for term, meaning in terms.items())
    return f"<dl>\n{rows}</dl>"
