"""The readings of a period as compact JSON in columns, for programs and scripts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import UNSET, Struct, UnsetType

from flexmeasures_pms.overview.history import PeriodHistory, Reporter, Series

_MS = timedelta(milliseconds=1)


class HistorySeries(Struct, frozen=True):
    """One sensor's readings over a period.

    :param name: of the sensor.
    :param state: it is a state, such as open or closed.
    :param held: it holds until it is read again: its values are the last of each column.
    :param mean: of all readings, as they were taken.
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
    :param sample: how much of each column was looked at, from its begin [ms]; null for all.
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
    sample: float | None
    reporters: tuple[Reporter, ...]
    times: list[tuple[int, ...]]
    series: list[HistorySeries]


def record(kind: str, ident: str, past: PeriodHistory) -> History:
    """Return a past, without sensors that were not read."""
    axes: dict[tuple[int, ...], int] = {}
    series = [_series(one, past.start, axes) for one in past.series if one.at]
    return History(
        kind=kind,
        id=ident,
        start=past.start,
        end=past.end,
        step=past.step / _MS,
        exact=past.exact,
        sample=past.sample / _MS if past.sample else None,
        reporters=past.reporters,
        times=list(axes),
        series=series,
    )


def _series(one: Series, start: datetime, axes: dict[tuple[int, ...], int]) -> HistorySeries:
    at = tuple(round((time - start) / _MS) for time in one.at)
    varied = one.low != one.values or one.high != one.values
    return HistorySeries(
        name=one.name,
        unit=one.quantity.unit,
        state=one.quantity.state,
        held=one.held,
        mean=one.mean,
        times=axes.setdefault(at, len(axes)),
        values=_short(one.values),
        low=_short(one.low) if varied else UNSET,
        high=_short(one.high) if varied else UNSET,
    )


def _short(values: Sequence[float | None]) -> Sequence[float | None]:
    return [int(v) if v is not None and v.is_integer() else v for v in values]
