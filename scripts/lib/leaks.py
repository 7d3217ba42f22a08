"""Nothing may stand in two splits: what judges a model must not have taught it."""

from collections.abc import Iterable

from .errors import BadInput

SHOWN = 80  # characters of an example


def refuse(what: str, sides: Iterable[tuple[str | None, str]], where: str) -> None:
    """BadInput with the count and the first example of values that stand in two splits; None is no value.

    `sides` are (value, split), `what` says what the values are: texts, groups, contracts.
    """
    first: dict[str, str] = {}
    both = {value for value, split in sides if value is not None and first.setdefault(value, split) != split}
    if both:
        example = next(value for value in first if value in both)
        raise BadInput(f"{where}: {len(both)} {what} are on two sides of the split, the first is {example[:SHOWN]!r}")
