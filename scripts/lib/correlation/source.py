"""What every source of correlations delivers, wherever it comes from."""

from dataclasses import dataclass
from typing import NamedTuple


class Contract(NamedTuple):
    """`event` names the question of which the contract is one outcome, None where the source does not say."""

    id: str
    title: str
    event: str | None = None
    end: str | None = None


class Measured(NamedTuple):
    """The correlation of two contracts (ids `a` < `b`), with what its source knows of it.

    `error` is its standard error, `days` what it was measured on, `halves` the correlations of two halves of
    these days; `reasoning` and `confidence` are a source's own words and number.
    """

    a: str
    b: str
    correlation: float
    error: float | None = None
    days: int | None = None
    halves: tuple[float, float] | None = None
    reasoning: str | None = None
    confidence: float | None = None


@dataclass(frozen=True)
class Source:
    """`name` is short and goes into metrics and bars; `dropped` counts what was left out, by reason."""

    name: str
    said: str
    files: dict[str, str]
    contracts: list[Contract]
    pairs: list[Measured]
    dropped: dict[str, int]
