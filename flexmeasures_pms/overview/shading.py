"""Colouring a rack by a figure: fixed scales, which end at the limits of the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from flexmeasures_pms.catalogue.limits import CELL_HIGH, CELL_LOW, HOT, SILENT_AFTER, WEAK_CELL
from flexmeasures_pms.overview.packs import ShownCell, ShownPack

STEPS = 6
"""How many colours a scale has between its ends."""
NO_DATA, OVER, UNDER = "none", "over", "under"
_COOL = 15.0  # °C: what is colder needs no colour of its own


@dataclass(frozen=True, slots=True)
class Shading:
    """A figure that packs are coloured by, and their cells where they have it.

    :param unit: of ``low`` and ``high``, between which the colours lie.
    :param inclusive: whether a figure at ``high`` is beyond the limit.
    :param has_lower_limit: whether ``low`` is a limit, too.
    """

    name: str
    unit: str
    low: float
    high: float
    digits: int
    of_pack: Callable[[ShownPack, datetime], float | None]
    of_cell: Callable[[ShownCell], float | None]
    inclusive: bool = True
    has_lower_limit: bool = False

    def step(self, figure: float | None) -> str:
        """Return the colour of a figure: from ``0``, or that it is beyond a limit or missing."""
        if figure is None:
            return NO_DATA
        if figure > self.high or (self.inclusive and figure == self.high):
            return OVER
        if self.has_lower_limit and figure < self.low:
            return UNDER
        share = (figure - self.low) / (self.high - self.low)
        return str(min(STEPS - 1, max(0, int(share * STEPS))))

    def bounds(self) -> Iterator[tuple[str, float, float]]:
        """Yield the colours between the ends, each from a figure to a figure."""
        width = (self.high - self.low) / STEPS
        for n in range(STEPS):
            yield str(n), self.low + n * width, self.low + (n + 1) * width


def _mean(pack: ShownPack, _now: datetime) -> float | None:
    volts = [cell.volts for cell in pack.cells if cell.volts is not None]
    return None if pack.silent or not volts else sum(volts) / len(volts)


def _weak_by(pack: ShownPack, _now: datetime) -> float | None:
    return None if pack.silent else pack.weak_by


def _hottest(pack: ShownPack, _now: datetime) -> float | None:
    return None if pack.silent else pack.hottest


def age_of(pack: ShownPack, now: datetime) -> float | None:
    """Return how old a pack's newest reading is [s]; None if it has none."""
    return None if pack.time is None else max(0.0, (now - pack.time).total_seconds())


def _below(cell: ShownCell) -> float | None:
    return None if cell.deviation is None else -cell.deviation


def _no_figure(_cell: ShownCell) -> float | None:
    return None


SHADINGS: Mapping[str, Shading] = {
    shading.name: shading
    for shading in (
        Shading(
            "voltage", "V", CELL_LOW, CELL_HIGH, 2, _mean, lambda cell: cell.volts,
            inclusive=False, has_lower_limit=True,
        ),
        Shading("deviation", "mV", 0.0, WEAK_CELL, 0, _weak_by, _below),
        Shading("temperature", "°C", _COOL, HOT, 1, _hottest, _no_figure),
        Shading(
            "age", "s", 0.0, SILENT_AFTER.total_seconds(), 0, age_of, _no_figure, inclusive=False
        ),
    )
}  # fmt: skip
"""By their names in the address."""
