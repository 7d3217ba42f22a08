"""Nothing that judges may be read in training: not as an entry, a title, a line of a description or an exclusion.

Two texts are the same when they have the same set of words.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..errors import BadInput
from ..near import normalized
from .source import JUDGES, ROLES, Entry, Source

HEADING = "Illustrative Examples:"


def clear(source: Source, roles: Sequence[str]) -> tuple[Source, dict[str, int]]:
    """The source with `roles`, without the twins of what judges, and how many of each kind were removed.

    Judging entries stay and their twins go, except that one that repeats a title goes itself.
    """
    judging = _judging(source.entries, roles)
    twins = _twins(source, roles)
    rows = [(entry, role) for entry, role in zip(source.entries, roles) if normalized(entry.text) not in twins[role]]
    nodes = [replace(node, description=_without(node.description, judging)) for node in source.nodes]
    references = [reference for reference in source.references if normalized(reference.text) not in judging]
    removed = {
        "entries": len(source.entries) - len(rows),
        "description_lines": sum(_repeated(node.description, judging) for node in source.nodes),
        "exclusions": len(source.references) - len(references),
    }
    kept = replace(source, nodes=nodes, references=references, entries=[e for e, _ in rows], roles=[r for _, r in rows])
    return kept, removed


def refuse(judged: Iterable[str], read: Iterable[str], what: str) -> None:
    """BadInput with the count and the first example when a judging text is also read in training."""
    seen = set(map(normalized, read))
    both = [text for text in judged if normalized(text) in seen]
    if both:
        raise BadInput(f"{what}: {len(both)} texts are on both sides of the split, the first is {both[0]!r}")


def _judging(entries: Sequence[Entry], roles: Sequence[str], judges: Sequence[str] = JUDGES) -> set[str]:
    return {normalized(entry.text) for entry, role in zip(entries, roles) if role in judges}


def _twins(source: Source, roles: Sequence[str]) -> dict[str, set[str]]:
    """For each role, the texts its entries must not repeat."""
    titles = {normalized(node.title) for node in source.nodes}
    judging, test = _judging(source.entries, roles), _judging(source.entries, roles, ["test"])
    forbidden = dict.fromkeys(ROLES, judging)
    return forbidden | {"test": titles, "validation": titles | test}


def _repeated(description: str, judging: set[str]) -> int:
    return sum(normalized(line) in judging for line in description.split("\n"))


def _without(description: str, judging: set[str]) -> str:
    """The description without repeated lines, and without the heading of a list that has lost them all."""
    if not _repeated(description, judging):
        return description
    kept = "\n".join(line for line in description.split("\n") if normalized(line) not in judging).strip()
    return kept.removesuffix(HEADING).strip()
