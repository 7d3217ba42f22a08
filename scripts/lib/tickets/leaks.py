"""No ticket that judges may have taught: a pairs file is held against the split, wherever it came from."""

from pathlib import Path

from ..errors import BadInput
from ..near import normalized
from .dataset import Tickets
from .pairs import Pairs


def refuse(pairs: Pairs, tickets: Tickets, where: Path) -> None:
    """BadInput with the count and the first text that is a validation or test ticket's, in any order of words.

    Masked words may leave tickets of two splits with one text; what train has too is train's.
    """
    sides: dict[str, str] = {}
    for column in (tickets.texts, tickets.masked):
        for text, split in zip(column, tickets.splits):
            key = normalized(text)
            sides[key] = "train" if "train" in (split, sides.get(key)) else str(split)
    taught = {*pairs.anchors, *pairs.positives, *(text for text in pairs.negatives if text is not None)}
    leaked = sorted(text for text in taught if sides.get(normalized(text), "train") != "train")
    if leaked:
        side = sides[normalized(leaked[0])]
        raise BadInput(
            f"{where}: {len(leaked)} texts are tickets of another split, the first is {leaked[0]!r} of {side}"
        )
