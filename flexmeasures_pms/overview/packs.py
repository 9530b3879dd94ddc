"""A pack as its newest reading shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec

from flexmeasures_pms.catalogue.limits import WEAK_CELL
from flexmeasures_pms.catalogue.quantities import CELLS, FETS
from flexmeasures_pms.overview.public import PublicStruct
from flexmeasures_pms.overview.states import (
    CellState,
    Code,
    Extremes,
    Finding,
    cell_state,
    deviations,
    is_silent,
    judged,
)
from flexmeasures_pms.storage.flapping import Flapping

TEMPERATURES = ("temperature top", "temperature middle", "temperature bottom")
FET_TEMPERATURES = tuple(f"FET {n} temperature" for n in range(1, FETS + 1))
STATE_OF_CHARGE = "state of charge"

PackReadings = Mapping[str, float]


class ShownCell(PublicStruct, frozen=True):
    """One cell of a pack.

    :param number: from 1.
    :param volts: None where it was not told.
    :param open: it is bypassed by balancing.
    :param state: how it is judged: ``unread`` where it was not told.
    :param deviation: from the mean of its pack's other cells that were read [mV]; those that are
        too high are left out, unless all others are.
    """

    number: int
    volts: float | None
    open: bool
    state: CellState = "normal"
    deviation: float | None = None


class ShownPack(PublicStruct, frozen=True):
    """The newest reading of a pack.

    :param time: of the reading; None for a pack that has not reported yet.
    :param source: id of the PMS that reported it.
    :param dock: as reported, counted across the PMS; None for one without a dock.
    :param volts: the sum of its cells [V].
    :param amps: charging positive [A].
    :param power: charging positive [W].
    :param soc: state of charge, where that is known.
    :param temperatures: top, middle and bottom [°C].
    :param fet_temperatures: of FET 1 and 2 [°C].
    :param fets_open: numbers of the FETs that are open.
    :param cells: in order; none for a pack that has not reported yet.
    :param weakest: number of the cell with the lowest voltage.
    :param strongest: number of the cell with the highest voltage.
    :param spread: between the two [mV].
    :param weak_by: of the weakest below the mean of the others, as its deviation [mV].
    :param silent: it has not been heard of for too long.
    :param findings: its health states, in no order.
    """

    ident: str
    asset_id: int | None
    time: datetime | None
    source: str | None
    dock: int | None
    volts: float | None
    amps: float | None
    power: float | None
    soc: float | None
    temperatures: tuple[float | None, ...]
    fet_temperatures: tuple[float | None, ...]
    fets_open: tuple[int, ...]
    cells: tuple[ShownCell, ...]
    weakest: int | None
    strongest: int | None
    spread: float | None
    weak_by: float | None
    silent: bool
    findings: tuple[Finding, ...]

    @property
    def hottest(self) -> float | None:
        """The highest of its three temperatures [°C]."""
        return max((t for t in self.temperatures if t is not None), default=None)

    @property
    def cells_open(self) -> tuple[int, ...]:
        """Numbers of the cells that balancing bypasses."""
        return tuple(cell.number for cell in self.cells if cell.open)


def pack(
    ident: str,
    asset_id: int | None,
    time: datetime | None,
    source: str | None,
    readings: PackReadings,
    now: datetime,
    flaps: Flapping | None = None,
) -> ShownPack:
    """Return a pack as its newest reading shows it.

    :param readings: value by sensor name; empty for a pack that has not reported yet.
    :param flaps: that it is reported from several places.
    """
    cells = _judged_cells(tuple(_cells(readings)))
    known = sorted((cell.volts, cell.number) for cell in cells if cell.volts is not None)
    weakest = known[0][1] if known[1:] else None
    seen = ShownPack(
        ident=ident,
        asset_id=asset_id,
        time=time,
        source=source,
        dock=_whole(readings.get("dock")),
        volts=readings.get("pack voltage"),
        amps=readings.get("pack current"),
        power=readings.get("pack power"),
        soc=readings.get(STATE_OF_CHARGE),
        temperatures=tuple(readings.get(name) for name in TEMPERATURES),
        fet_temperatures=tuple(readings.get(name) for name in FET_TEMPERATURES),
        fets_open=tuple(n for n in range(1, FETS + 1) if readings.get(f"FET {n} open")),
        cells=cells,
        weakest=weakest,
        strongest=known[-1][1] if known[1:] else None,
        spread=round((known[-1][0] - known[0][0]) * 1000, 1) if known else None,
        weak_by=None if weakest is None else _below(cells[weakest - 1]),
        silent=time is not None and is_silent(time, now),
        findings=(),
    )
    return msgspec.structs.replace(seen, findings=tuple(_findings(seen, flaps)))


def _cells(readings: PackReadings) -> Iterator[ShownCell]:
    for n in range(1, CELLS + 1) if readings else ():
        volts, is_open = (readings.get(f"cell {n:02d} {what}") for what in ("voltage", "open"))
        yield ShownCell(n, volts, bool(is_open))


def _judged_cells(cells: tuple[ShownCell, ...]) -> tuple[ShownCell, ...]:
    return tuple(
        ShownCell(cell.number, cell.volts, cell.open, cell_state(cell.volts, off), off)
        for cell, off in zip(cells, deviations(c.volts for c in cells), strict=True)
    )


def _below(cell: ShownCell) -> float | None:
    """Return how far a cell is below the others [mV]."""
    return None if cell.deviation is None else -cell.deviation + 0.0


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _findings(seen: ShownPack, flaps: Flapping | None) -> Iterator[Finding]:
    """Yield the findings of a pack; of the last reading of a silent pack, those that stay."""
    if seen.time is None:
        yield Finding("never")
        return
    since = seen.time if seen.silent else None
    for limit, figure in judged(extremes(seen)):
        if limit.stays or not seen.silent:
            yield Finding(limit.code, round(figure, 3), _cells_of(limit.code, seen), since)
    if seen.fets_open:
        yield Finding("fet_open", numbers=seen.fets_open, since=since)
    if seen.silent:
        yield Finding("silent", since=since)
    else:
        yield from _present_findings(seen, flaps)


def _present_findings(seen: ShownPack, flaps: Flapping | None) -> Iterator[Finding]:
    """Yield the findings that only a pack that reports can have."""
    unread = tuple(cell.number for cell in seen.cells if cell.state == "unread")
    if unread:
        yield Finding("unread", numbers=() if len(unread) == CELLS else unread)
    if seen.hottest is None:
        yield Finding("no_temperature")
    if flaps is not None:
        yield Finding("flapping", numbers=flaps.docks, since=flaps.since)
    if seen.dock is None:
        yield Finding("unallocated")


def extremes(seen: ShownPack) -> Extremes:
    """Return the figures that a pack is judged by."""
    volts = [cell.volts for cell in seen.cells if cell.volts is not None]
    return Extremes(
        hottest=seen.hottest,
        hottest_fet=max((t for t in seen.fet_temperatures if t is not None), default=None),
        highest=max(volts, default=None),
        lowest=min(volts, default=None),
        weak_by=seen.weak_by,
    )


def _cells_of(code: Code, seen: ShownPack) -> tuple[int, ...]:
    """Return the numbers of the cells that a finding is about, the weakest first."""
    if code == "weak_cell":
        below = ((c.deviation, c.number) for c in seen.cells if c.deviation is not None)
        return tuple(number for off, number in sorted(below) if -off >= WEAK_CELL)
    number = {"cell_high": seen.strongest, "cell_low": seen.weakest}
    found = number.get(code)
    return () if found is None else (found,)
