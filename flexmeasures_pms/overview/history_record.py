"""The readings of a period as compact JSON in columns, for programs and scripts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from msgspec import UNSET, Struct, UnsetType

from flexmeasures_pms.overview.history import PeriodHistory, Reporter, Series
from flexmeasures_pms.storage.log.columns import LevelName, ReadingArray

_MS = timedelta(milliseconds=1)
_UNIX = datetime(1970, 1, 1, tzinfo=UTC)


class HistorySeries(Struct, frozen=True):
    """One sensor's readings over a period.

    :param name: of the sensor.
    :param state: it is a state, such as open or closed.
    :param held: it holds until it is read again: its values are the last of each column.
    :param mean: of all readings.
    :param times: which of the history's lists of times is its own.
    :param values: readings, or means of columns; null begins a gap.
    :param low: the least of each column, where it differs from the values.
    :param high: the greatest, likewise.
    """

    name: str
    unit: str
    state: bool
    held: bool
    mean: float | None
    times: int
    values: Sequence[float | None]
    low: Sequence[float | None] | UnsetType = UNSET
    high: Sequence[float | None] | UnsetType = UNSET


class History(Struct, frozen=True):
    """The readings of an asset over a period.

    Sensors that were read at the same moments share one list of them, ``times[series.times]``.

    :param kind: of thing.
    :param id: as registered.
    :param start: when the first column begins.
    :param end: when the last column ends.
    :param step: width of a column [ms].
    :param exact: no column has more than one reading; the readings are as they were taken.
    :param level: what columns are summed up from: samples, or the columns of each quarter of an
        hour, hour or six hours.
    :param reporters: the devices that reported it.
    :param times: lists of moments, in milliseconds since ``start``.
    :param series: of each sensor that was read.
    """

    kind: str
    id: str
    start: datetime
    end: datetime
    step: float
    exact: bool
    level: LevelName
    reporters: tuple[Reporter, ...]
    times: list[list[int]]
    series: list[HistorySeries]


def record(kind: str, ident: str, past: PeriodHistory) -> History:
    """Return a past, without sensors that were not read."""
    axes: dict[bytes, int] = {}
    begin = (past.start - _UNIX) // _MS
    series = [_series(one, begin, axes) for one in past.series if len(one.at)]
    return History(
        kind=kind,
        id=ident,
        start=past.start,
        end=past.end,
        step=past.step / _MS,
        exact=past.exact,
        level=past.level,
        reporters=past.reporters,
        times=[np.frombuffer(axis, np.int64).tolist() for axis in axes],
        series=series,
    )


def _series(one: Series, begin: int, axes: dict[bytes, int]) -> HistorySeries:
    at = (one.at - begin).tobytes()
    varied = not all(np.array_equal(v, one.values, equal_nan=True) for v in (one.low, one.high))
    return HistorySeries(
        name=one.name,
        unit=one.quantity.unit,
        state=one.quantity.state,
        held=one.quantity.state,
        mean=one.mean,
        times=axes.setdefault(at, len(axes)),
        values=_short(one.values),
        low=_short(one.low) if varied else UNSET,
        high=_short(one.high) if varied else UNSET,
    )


def _short(values: ReadingArray) -> Sequence[float | None]:
    """Return values as JSON is to have them: null for none, and whole numbers as such."""
    none, whole = np.isnan(values), values == np.floor(values)
    found: list[float | None]
    if (none | whole).all():
        found = np.where(none, 0, values).astype(np.int64).tolist()
    else:
        found = values.tolist()
        for n in np.flatnonzero(whole).tolist():
            found[n] = int(found[n] or 0)
    for n in np.flatnonzero(none).tolist():
        found[n] = None
    return found
