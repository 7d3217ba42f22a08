"""Public incident records out of the installed package genai-incidents: mostly vulnerability reports.

A label is an affected product and an attack vector; products whose names begin alike are one family. A
record of several families has none and no label; the vector "other" is no label.
"""

import re
from collections import defaultdict
from collections.abc import Iterable

from genai_incidents import load_incidents

from ..provenance import version
from .masking import letters, mask
from .source import Source, Ticket, clean

SAID = (
    "public incident records of the package genai-incidents, mostly vulnerability reports (CC BY 4.0; CVE, AVID and "
    "AIAAIC texts under their own terms); a label is an affected product and an attack vector"
)
# Descriptions made of the record's own label, date and number; the narrative is elsewhere.
STUBS = ("Tracked by ", "AIAAIC-tracked ", "AI Incident Database ")
ECOSYSTEMS = {"pip", "npm", "composer", "maven", "go", "rubygems", "nuget", "rust", "github.com", "golang.org"}
# Last parts of a name that many vendors use; such a product is named together with what stands before.
GENERIC = {
    *("agent", "agents", "api", "app", "backend", "cli", "client", "cms", "commerce", "common", "core", "framework"),
    *("frontend", "main", "mcp", "mcp-server", "parent", "platform", "plugin", "portal", "sdk", "server", "studio"),
    *("tools", "ui", "utils", "web", "website"),
}
DOMAINS = {"com", "org", "net"}
STEM = 5  # letters of a name with which the names of a family begin
EDITIONS = r"(?:[ ._-](?:oss|core|community|enterprise|edition))+$"


def read() -> Source:
    """Every record but the stubs, in the order of their ids."""
    records = load_incidents()
    told = [record for record in records if not record["description"].startswith(STUBS)]
    products = [product_of(record["affected"]) for record in told]
    names: dict[str, set[str]] = defaultdict(set)
    for product, own in products:
        names[product] |= {product, *own}
    listed = [_listed(record["affected"]) for record in told]
    family = families(product for several in listed for product in several)
    tickets = sorted(
        _ticket(record, product, {family[name] for name in several}, names[product])
        for record, (product, _), several in zip(told, products, listed)
    )
    dropped = {"records": len(records), "stubs": len(records) - len(told)}
    files = {"genai-incidents": version("genai-incidents") or "unknown"}
    return Source("incidents", SAID, files, tickets, dropped)


def _ticket(record: dict, product: str, touched: set[str], names: set[str]) -> Ticket:
    text = clean([record["title"], record["description"]])
    vector = record["attack_vector"]
    family = min(touched) if len(touched) == 1 else None
    label = f"{product} / {vector}" if family and vector != "other" else None
    return Ticket(record["id"], text, mask(text, {*names, family or product}, vector), label, family, vector)


def families(products: Iterable[str]) -> dict[str, str]:
    """The family of each product: the shortest of all names that its own begins with, of STEM letters or more.

    "xwikicommonsxml" is of "xwiki": on another side of the split it would teach what the other is asked.
    """
    known = set(products)

    def stem(product: str) -> str:
        beginnings = (product[:end] for end in range(STEM, len(product)))
        return next((name for name in beginnings if name in known), product)

    return {product: stem(product) for product in known}


def _listed(affected: str) -> set[str]:
    """Every product that the field names."""
    return {product for one in re.split(r"[,;]", affected) if (product := product_of(one)[0])}


def product_of(affected: str) -> tuple[str, set[str]]:
    """One name for all spellings of a product, and every name in the field that a text may use for it.

    The field lists packages: "pip/open-webui", "openwebui/open_webui" and "Open WebUI" are all
    "openwebui"; the first package of a list names the product. Empty when the field is.
    """
    listed = [_parts(one) for one in re.split(r"[,;]", affected)]
    listed = [parts for parts in listed if parts]
    if not listed:
        return "", set()
    first = listed[0]
    name = re.sub(EDITIONS, "", first[-1])
    if len(first) > 1 and (name in GENERIC or name.endswith("bom")):  # a bill of materials is not the product
        name = first[-2] if name.endswith("bom") else f"{first[-2]} {name}"
    parts = {part for parts in listed for part in parts}
    words = {word for part in parts for word in re.split(r"[ .]", part)}
    names = parts | words | {re.sub(EDITIONS, "", part) for part in parts}
    return letters(name), names - GENERIC - DOMAINS


def _parts(package: str) -> list[str]:
    """ "go/github.com/fleetdm/fleet/v4" as ["fleetdm", "fleet"]; versions and ecosystems go."""
    package = re.split(r"\s+[<>=v(]*\s*\d|\s+before\b", package.strip().lower().strip("\u2026"))[0]
    parts = [part.strip(" @\\") for part in re.split(r"[/:]", package)]
    return [part for part in parts if part and part not in ECOSYSTEMS and not re.fullmatch(r"v?\d[\d.]*", part)]
