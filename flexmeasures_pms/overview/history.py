"""The readings of a pack or device over a period, at the resolution of a screen.

A period is divided into at most as many columns as a screen has pixels. If no column has
more than one reading, the readings are returned as they were taken.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import zip_longest

from flexmeasures_pms.beliefs.recordings import explained
from flexmeasures_pms.beliefs.sensors import sensor_ids
from flexmeasures_pms.beliefs.sources import reporters
from flexmeasures_pms.catalogue.quantities import Quantity
from flexmeasures_pms.catalogue.readings import SensorSpec, sensor_specs
from flexmeasures_pms.catalogue.recording import SNAPSHOT, label
from flexmeasures_pms.gateways.reading import ReadingScope
from flexmeasures_pms.overview.cadence import Cadence, cadence
from flexmeasures_pms.overview.public import PublicStruct
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.storage.queries.history import (
    EPOCH,
    HistoryColumn,
    HistoryQuery,
    bounds,
    read,
)

_S, _H, _D = 1, 3600, 86_400
STEPS = tuple(
    timedelta(seconds=seconds)
    for seconds in (
        *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800),
        *(_H, 2 * _H, 3 * _H, 6 * _H, 12 * _H, _D, 2 * _D, 5 * _D, 10 * _D, 30 * _D, 100 * _D),
    )
)
"""Widths of a column. They are few, so that columns stay the same when a chart is moved."""

MISSED = 3
"""How many missed readings make a gap."""


@dataclass(frozen=True, slots=True)
class Series:
    """One sensor's readings over a period.

    :param held: recorded on change: a reading is valid until the next one.
    :param at: when, in order of time: of each reading, or the start of its column.
    :param values: the reading; of a column the mean, or the last of what is held; None where a gap
        begins.
    :param low: the least of each column, and ``high`` the greatest; None where there is a gap.
    :param mean: of all readings, as they were taken.
    """

    name: str
    quantity: Quantity
    held: bool
    at: list[datetime]
    values: list[float | None]
    low: list[float | None]
    high: list[float | None]
    mean: float | None


class Reporter(PublicStruct, frozen=True):
    """Which device reported, from its first reading of a period to its last.

    :param begin: time of the first reading.
    :param end: time of the last reading.
    """

    kind: str
    ident: str
    begin: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class PeriodHistory:
    """The readings of an asset over a period.

    :param start: when the first column begins, and ``end`` when the last one ends.
    :param step: width of a column.
    :param exact: no column has more than one reading; the readings are as they were taken.
    :param sample: how much of each column was read, from its start; None for all of it.
    """

    start: datetime
    end: datetime
    step: timedelta
    exact: bool
    sample: timedelta | None
    series: tuple[Series, ...]
    reporters: tuple[Reporter, ...]


def step_for(period: timedelta, width: int) -> timedelta:
    """Return the narrowest step with which a period has no more columns than a width.

    A period that begins within a column has part of one more.
    """
    return next((step for step in STEPS if step * width >= period), STEPS[-1])


def period_history(
    account_id: int,
    entry: Entry,
    names: Sequence[str],
    start: datetime,
    end: datetime,
    width: int,
    scope: ReadingScope | None = None,
) -> PeriodHistory:
    """Return what some sensors of a registered thing read over a time.

    :param width: most columns of the period; the widest step may exceed this.
    :param scope: only what may be read with a key; None for all.
    """
    step = step_for(end - start, width)
    first = start - (start - EPOCH) % step
    last = end + (EPOCH - end) % step
    ids = sensor_ids([entry.asset_id or 0])[entry.asset_id or 0]
    specs = sensor_specs(entry.kind)
    there = [name for name in names if name in ids]
    kept = held(entry)
    known = reporters(account_id)
    if scope is not None:
        known = scope.sources(known)
    wanted = HistoryQuery(
        sensors=[ids[name] for name in there],
        states=[ids[name] for name in there if name in kept],
        sources=list(known),
        within=None if scope is None else scope.periods(entry.id),
    )
    # A reading that has not changed since before the period was written at most this long before.
    got = read(wanted, first - SNAPSHOT, last, step, SNAPSHOT)
    found = got.columns
    measured = [found[sensor] for sensor in wanted.sensors if sensor not in wanted.states]
    exact = got.sample is None and _is_exact(found.values())
    heard = _moments(found.values())
    often = cadence(measured, heard, step, exact=exact)
    view = _View(first, heard, often, step, exact, got.sample is not None)
    return PeriodHistory(
        start=first.astimezone(UTC),
        end=last.astimezone(UTC),
        step=step,
        exact=view.exact,
        sample=got.sample,
        series=tuple(
            _series(_empty(specs[name], kept, found[ids[name]]), found[ids[name]], view)
            for name in there
        ),
        reporters=tuple(_reporters(found.values(), known, first)),
    )


def held(entry: Entry) -> frozenset[str]:
    """Return the sensors of an asset that are recorded on change: at least its states."""
    on_change = {e.quantity for e in explained(entry.id, entry.kind) if e.deadband is not None}
    return frozenset(
        name
        for name, spec in sensor_specs(entry.kind).items()
        if spec.quantity.state or label(spec.quantity) in on_change
    )


def known_bounds(account_id: int, entry: Entry) -> tuple[datetime, datetime] | None:
    """Return when the first and the newest reading of an asset were taken, if any."""
    ids = sensor_ids([entry.asset_id or 0])[entry.asset_id or 0]
    return bounds(HistoryQuery(list(ids.values()), (), list(reporters(account_id))))


@dataclass(frozen=True, slots=True)
class _View:
    """A period of a history.

    :param heard: when anything was read, in order.
    :param often: how often samples came.
    """

    start: datetime
    heard: Sequence[datetime]
    often: Cadence
    step: timedelta
    exact: bool
    sampled: bool

    def time(self, column: HistoryColumn) -> datetime:
        return max(self.start, column.newest if self.exact else column.begin)

    def is_gap(self, column: HistoryColumn, until: datetime, *, held: bool) -> bool:
        """Whether there is a gap between a column's newest reading and a later one."""
        passed = until - column.newest
        if passed <= self.longest_step(self.often.shortest, held=held):
            return False
        usual = max(self.often.around(column.newest), self.often.around(until))
        return passed > self.longest_step(usual, held=held)

    def longest_step(self, usual: timedelta, *, held: bool) -> timedelta:
        """Return the longest time between two readings that is not a gap.

        If only a part of each column was read, only its start can be judged.

        :param usual: time between two samples.
        """
        if self.sampled:
            return self.step
        return max(MISSED * usual, SNAPSHOT + usual if held else timedelta(0))


def _is_exact(found: Iterable[Sequence[HistoryColumn]]) -> bool:
    return all(column.readings == 1 for one in found for column in one)


def _moments(found: Iterable[Sequence[HistoryColumn]]) -> list[datetime]:
    return sorted({column.newest for one in found for column in one})


def _empty(spec: SensorSpec, kept: Collection[str], found: Sequence[HistoryColumn]) -> Series:
    return Series(spec.name, spec.quantity, spec.name in kept, [], [], [], [], _mean(found))


def _series(series: Series, found: list[HistoryColumn], view: _View) -> Series:
    inside = [column for column in found if column.begin >= view.start]
    if series.held and (before := found[: len(found) - len(inside)]):
        inside = [*_carried(before[-1], view), *inside]
    for column, following in zip_longest(inside, inside[1:]):
        _put(series, view.time(column), column)
        if following is None or view.is_gap(column, view.time(following), held=series.held):
            _break(series, column, view)
    return series


def _mean(found: Sequence[HistoryColumn]) -> float | None:
    readings = sum(column.readings for column in found)
    return sum(column.total for column in found) / readings if readings else None


def _carried(before: HistoryColumn, view: _View) -> Iterator[HistoryColumn]:
    """Yield the state at the start of a period, as a reading at its start."""
    if before.last is not None and not view.is_gap(before, view.start, held=True):
        value = before.last
        yield HistoryColumn(
            view.start, value, value, value, 1, before.newest, value, before.sources
        )


def _put(series: Series, at: datetime, column: HistoryColumn) -> None:
    value = column.last if series.held or column.readings == 1 else None
    mean = round(column.mean, series.quantity.decimals)
    series.at.append(at)
    series.values.append(mean if value is None else value)
    series.low.append(column.low)
    series.high.append(column.high)


def _break(series: Series, column: HistoryColumn, view: _View) -> None:
    """End a line. A state is valid as long as the asset reported, within the limit."""
    at = series.at[-1]
    if series.held:
        limit = view.longest_step(view.often.around(column.newest), held=True)
        heard = view.heard[bisect_right(view.heard, column.newest + limit) - 1]
        if heard > at:
            at = heard
            series.at.append(at)
            for values in (series.values, series.low, series.high):
                values.append(column.last)
    series.at.append(at + timedelta(milliseconds=1) if view.exact else at + view.step)
    for values in (series.values, series.low, series.high):
        values.append(None)


def _reporters(
    found: Iterable[Sequence[HistoryColumn]],
    known: Mapping[int, tuple[str, str]],
    start: datetime,
) -> Iterator[Reporter]:
    """Yield the reporting devices, in order of time."""
    longest = max(found, key=len, default=[])
    runs: list[tuple[int, datetime, datetime]] = []
    for column in longest:
        for source in column.sources if column.newest >= start else ():
            if runs and runs[-1][0] == source:
                runs[-1] = (source, runs[-1][1], column.newest)
            else:
                runs.append((source, column.newest, column.newest))
    for source, begin, end in runs:
        yield Reporter(*known[source], begin.astimezone(UTC), end.astimezone(UTC))
