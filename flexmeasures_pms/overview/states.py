"""Health states of packs, PMSes and converters, and which of them is worst.

The limits are those of :mod:`~flexmeasures_pms.catalogue.limits`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import ge, gt, lt
from typing import Literal

import msgspec

from flexmeasures_pms.catalogue.limits import (
    CELL_HIGH,
    CELL_LOW,
    PACK_LIMITS,
    SILENT_AFTER,
    WEAK_CELL,
    PackLimit,
)
from flexmeasures_pms.overview.public import PublicStruct

Level = Literal["alarm", "warning", "note", "ok"]

Code = Literal[
    "fault", "hot", "fet_hot", "cell_high", "cell_low", "bus_fault", "fet_open", "silent",
    "unread", "no_temperature", "weak_cell", "flapping", "wrong_place", "unknown_pack",
    "unallocated", "retired_reporting", "never", "empty", "retired", "ok",
]  # fmt: skip

CellState = Literal["normal", "high", "low", "weak", "unread"]
"""How a cell is judged: too high, too low, weak, or without a voltage in the newest reading."""

LEVELS: dict[Code, Level] = {
    "fault": "alarm",
    "hot": "alarm",
    "fet_hot": "alarm",
    "cell_high": "alarm",
    "cell_low": "alarm",
    "bus_fault": "alarm",
    "fet_open": "alarm",
    "silent": "alarm",
    "unread": "warning",
    "no_temperature": "warning",
    "weak_cell": "warning",
    "flapping": "warning",
    "wrong_place": "warning",
    "unknown_pack": "warning",
    "unallocated": "warning",
    "retired_reporting": "warning",
    "never": "note",
    "empty": "note",
    "retired": "note",
    "ok": "ok",
}
"""The states by how bad they are, the worst first, with the level that each is shown at."""

_RANK: dict[Code, int] = {code: rank for rank, code in enumerate(LEVELS)}


class Finding(PublicStruct, frozen=True):
    """One health state of something.

    :param code: a stable word for programs.
    :param figure: the value: °C, V, or mV below the other cells.
    :param numbers: of the cells or FETs concerned, none for all cells; the dock that a pack
        reports, or those that one is reported from in turn.
    :param since: when a silent one last reported, one began to flap, or one was retired. Another
        state has it if it is that of the last reading of a silent one.
    :param ident: the pack, cabinet or PMS concerned, if it is not the subject itself.
    :param source: the PMS that reports a pack which is registered in another.
    :param many: how many packs have it, of which this is the worst.
    :param also: ids of more silent packs, at most three.
    """

    code: Code
    figure: float | None = None
    numbers: tuple[int, ...] = ()
    since: datetime | None = None
    ident: str | None = None
    source: str | None = None
    many: int = 1
    also: tuple[str, ...] = ()

    @property
    def level(self) -> Level:
        """How bad it is."""
        return LEVELS[self.code]

    @property
    def rank(self) -> int:
        """Position among the states: 0 is the worst."""
        return _RANK[self.code]


OK = Finding("ok")
_ALL_WELL = (OK,)
_MOST_NAMED = 3  # silent packs besides the first
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Extremes:
    """The figures that the limits of a pack, or of the worst packs of a PMS, apply to.

    They are of the sensors and cells that were read.

    :param hottest: of the pack's own three sensors [°C]; ``hottest_fet`` of its FETs.
    :param highest: cell voltage [V], as ``lowest``.
    :param weak_by: how far the lowest cell is below the others, see :func:`deviations` [mV].
    """

    hottest: float | None = None
    hottest_fet: float | None = None
    highest: float | None = None
    lowest: float | None = None
    weak_by: float | None = None


_BEYOND = {">=": ge, ">": gt, "<": lt}


def judged(extremes: Extremes) -> Iterator[tuple[PackLimit, float]]:
    """Yield the limits that figures are beyond, each with its figure."""
    for limit in PACK_LIMITS:
        figure = getattr(extremes, limit.figure)
        if figure is not None and _BEYOND[limit.beyond](figure, limit.value):
            yield limit, figure


def cell_state(volts: float | None, deviation: float | None) -> CellState:
    """Return how one cell is judged.

    :param volts: [V]; None where it was not read.
    :param deviation: from :func:`deviations` [mV].
    """
    if volts is None:
        return "unread"
    if volts > CELL_HIGH:
        return "high"
    if volts < CELL_LOW:
        return "low"
    return "weak" if deviation is not None and -deviation >= WEAK_CELL else "normal"


def is_silent(newest: datetime, now: datetime) -> bool:
    """Whether the newest reading is too old."""
    return now - newest > SILENT_AFTER


def silence(silent: Finding, newest: datetime | None, now: datetime) -> Finding:
    """Return what is told of the silent packs of a PMS.

    :param silent: the pack that is silent longest, with how many are.
    :param newest: when anything of the PMS last reported.
    :returns: the silence of the PMS itself, without a pack, if nothing of it reports.
    """
    if newest is None or not is_silent(newest, now):
        return silent
    return Finding("silent", since=newest, many=silent.many)


def retirement(
    retired_at: datetime | None, newest: datetime | None, now: datetime
) -> Finding | None:
    """Return that something is retired, or that it reports although it is; None while in use.

    :param retired_at: since when; it may be planned.
    :param newest: when it last reported.
    """
    if retired_at is None or retired_at > now:
        return None
    if newest is None or newest < retired_at or is_silent(newest, now):
        return Finding("retired", since=retired_at.astimezone(UTC))
    return Finding("retired_reporting")


def with_retirement(findings: Iterable[Finding], own: Finding | None) -> tuple[Finding, ...]:
    """Return what is told of a device, the worst first.

    Of one that is retired and does not report only this is told, and which retired packs report
    to it.

    :param own: from :func:`retirement`; None while the device is in use.
    """
    if own is None:
        return worst_first(findings)
    if own.code == "retired":
        return worst_first([*(f for f in findings if f.code == "retired_reporting"), own])
    return worst_first([own, *(f for f in findings if f.code != own.code)])


def deviations(volts: Iterable[float | None]) -> list[float | None]:
    """Return how far each cell of a pack is from the mean of the others [mV], negative below.

    Of 13 cells of 3.700 V and one of 3.640 V that one is 60 mV below. Others that are too high are
    left out, as sound cells would be far below them, unless all others are.

    :param volts: of all cells [V]; None where it was not read.
    """
    cells = list(volts)
    read = [cell for cell in cells if cell is not None]
    usual = [cell for cell in read if cell <= CELL_HIGH]
    return [None if cell is None else _deviation(cell, usual, read) for cell in cells]


def _deviation(own: float, usual: list[float], read: list[float]) -> float | None:
    is_usual = own <= CELL_HIGH
    among = usual if len(usual) > is_usual else read
    counts = is_usual or among is read
    total, others = sum(among) - own * counts, len(among) - counts
    return round((own - total / others) * 1000, 3) + 0.0 if others else None


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings in order, the worst first; at least ``ok``. Equal ones keep their order."""
    return tuple(sorted(findings, key=_badness)) or _ALL_WELL


def _badness(finding: Finding) -> tuple[int, float, datetime]:
    figure = finding.figure or 0.0
    lowest_first = figure if finding.code == "cell_low" else -figure
    since = finding.since if finding.code == "silent" else None
    return finding.rank, lowest_first, since or _NEVER


def worst_of_each(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return for each code the worst finding, with how many there are; the worst first."""
    found: dict[Code, Finding] = {}
    for finding in worst_first(findings):
        before = found.get(finding.code)
        found[finding.code] = _with(before, finding) if before else finding
    return tuple(found.values())


def _with(worst: Finding, other: Finding) -> Finding:
    also = worst.also
    if worst.code == "silent" and other.ident and len(also) < _MOST_NAMED:
        also = (*also, other.ident)
    return msgspec.structs.replace(worst, many=worst.many + 1, also=also)
