"""The readings of a pack or device over a period, at the resolution of a screen.

A period is divided into at most as many columns as a screen has pixels. If no column has
more than one reading, the readings are returned as they were taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from flexmeasures_pms.catalogue.quantities import Quantity
from flexmeasures_pms.catalogue.readings import SensorSpec, sensor_specs
from flexmeasures_pms.gateways.reading import ReadingScope
from flexmeasures_pms.overview.cadence import Cadence, cadence
from flexmeasures_pms.overview.public import PublicStruct
from flexmeasures_pms.registry.directory import Directory, Entry, RegistryQuery
from flexmeasures_pms.storage.log import series
from flexmeasures_pms.storage.log.columns import (
    EPOCH,
    Columns,
    LevelName,
    ReadingArray,
    TimeArray,
    joined,
    level_of,
)
from flexmeasures_pms.storage.log.places import places_of

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

_MS = timedelta(milliseconds=1)
_UNIX = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Series:
    """One sensor's readings over a period.

    :param at: when, in order of time [ms since 1970-01-01 UTC]: of each reading, or the start of
        its column.
    :param values: the reading; of a column the mean, or the last of a state; NaN where a gap
        begins.
    :param low: the least of each column, and ``high`` the greatest; NaN where a gap begins.
    :param mean: of all readings.
    """

    name: str
    quantity: Quantity
    at: TimeArray
    values: ReadingArray
    low: ReadingArray
    high: ReadingArray
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
    :param level: what columns are summed up from.
    """

    start: datetime
    end: datetime
    step: timedelta
    exact: bool
    level: LevelName
    series: tuple[Series, ...]
    reporters: tuple[Reporter, ...]


def step_for(period: timedelta, width: int) -> timedelta:
    """Return the narrowest step with which a period has no more columns than a width.

    A period that begins within a column has part of one more.
    """
    return next((step for step in STEPS if step * width >= period), STEPS[-1])


def period_history(
    registered: Directory,
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
    places, specs = places_of(entry.kind), sensor_specs(entry.kind)
    wanted = [places[name] for name in names]
    found = series.summed(entry.id, first, last, step, wanted, readable(entry, scope))
    read = joined(list(found.values()), step, len(wanted))
    exact = bool((read.count <= 1).all())
    view, means = _View(cadence(read, step, exact=exact), step, exact), read.means
    return PeriodHistory(
        start=first.astimezone(UTC),
        end=last.astimezone(UTC),
        step=step,
        exact=exact,
        level=level_of(step),
        series=tuple(_series(specs[name], read, means, n, view) for n, name in enumerate(names)),
        reporters=tuple(_reporters(registered, found)),
    )


def readable(entry: Entry, scope: ReadingScope | None) -> series.Readable:
    """Return what of a thing may be read with a key; all without a scope."""
    return series.ALL if scope is None else series.Readable(scope.devices, scope.periods(entry.id))


class _Line(NamedTuple):
    """When a line goes through readings or columns, and before which of them it breaks."""

    at: TimeArray
    breaks: npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class _View:
    """A period of a history.

    :param often: how often samples came.
    """

    often: Cadence
    step: timedelta
    exact: bool
    _lines: dict[tuple[bytes, bytes], _Line] = field(default_factory=dict, repr=False)

    def line(self, begins: TimeArray, newest: TimeArray) -> _Line:
        """Return when a line goes through columns. Most sensors are read at the same times."""
        key = begins.tobytes(), newest.tobytes()
        if key not in self._lines:
            self._lines[key] = self._line(newest if self.exact else begins, newest)
        return self._lines[key]

    def _line(self, at: TimeArray, newest: TimeArray) -> _Line:
        usual = np.maximum(self.often.around(newest[:-1]), self.often.around(at[1:]))
        # It ends at a gap, and after its last reading.
        ends = np.append(at[1:] - newest[:-1] > MISSED * usual, [True] * bool(len(at)))
        breaks = np.flatnonzero(ends) + 1
        after = at[breaks - 1] + (1 if self.exact else self.step // _MS)
        return _Line(np.insert(at, breaks, after), breaks)


def _series(
    spec: SensorSpec, read: Columns, means: ReadingArray, place: int, view: _View
) -> Series:
    there = np.flatnonzero(read.count[place])
    low, high, last, mean, newest = (
        values[place, there] for values in (read.low, read.high, read.last, means, read.newest)
    )
    at, breaks = view.line(read.begins[there], newest)
    values = np.where(read.count[place, there] == 1, last, mean.round(spec.quantity.decimals))
    if spec.quantity.state:
        values = last
    return Series(
        spec.name,
        spec.quantity,
        at,
        np.insert(values, breaks, np.nan),
        np.insert(low, breaks, np.nan),
        np.insert(high, breaks, np.nan),
        _mean(read, place),
    )


def _mean(read: Columns, place: int) -> float | None:
    readings = int(read.count[place].sum())
    return float(read.total[place].sum()) / readings if readings else None


def _reporters(registered: Directory, found: Mapping[int, Columns]) -> Iterator[Reporter]:
    """Yield the reporting devices, in order of time."""
    heard = sorted(
        (int(begin), int(newest), device)
        for device, columns in found.items()
        for begin, newest in zip(columns.begins, columns.newest.max(axis=0), strict=True)
        if newest >= 0
    )
    runs: list[tuple[int, int, int]] = []
    for _begin, newest, device in heard:
        first = runs.pop()[1] if runs and runs[-1][0] == device else newest
        runs.append((device, first, newest))
    registered.expect(RegistryQuery(numbers=list(found)))
    for device, first, last in runs:
        entry = registered.entry(device)
        yield Reporter(entry.kind, entry.ident, _moment(first), _moment(last))


def _moment(at: int) -> datetime:
    return _UNIX + at * _MS
