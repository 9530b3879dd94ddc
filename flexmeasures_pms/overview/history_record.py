"""A time's readings as programs and scripts get them: in columns, and as short as can be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from flexmeasures_pms.overview.history import PeriodHistory, Series

_MS = timedelta(milliseconds=1)


def record(kind: str, ident: str, past: PeriodHistory) -> dict[str, Any]:
    """Return a past.

    Sensors that were read at the same moments share one list of them, ``times[series.times]``,
    in milliseconds since ``start``. ``low`` and ``high`` are there where they differ from the
    values.
    """
    axes: dict[tuple[int, ...], int] = {}
    series = [_series(one, past.start, axes) for one in past.series if one.at]
    return {
        "kind": kind,
        "id": ident,
        "start": past.start,
        "end": past.end,
        "step": past.step / _MS,
        "exact": past.exact,
        "sample": past.sample and past.sample / _MS,
        "reporters": [
            {"kind": one.kind, "id": one.ident, "begin": one.begin, "end": one.end}
            for one in past.reporters
        ],
        "times": list(axes),
        "series": series,
    }


def _series(one: Series, start: datetime, axes: dict[tuple[int, ...], int]) -> dict[str, Any]:
    at = tuple(round((time - start) / _MS) for time in one.at)
    shown: dict[str, Any] = {
        "name": one.name,
        "unit": one.quantity.unit,
        "state": one.quantity.state,
        "held": one.held,
        "mean": one.mean,
        "times": axes.setdefault(at, len(axes)),
        "values": _short(one.values),
    }
    if one.low != one.values or one.high != one.values:
        shown |= {"low": _short(one.low), "high": _short(one.high)}
    return shown


def _short(values: Sequence[float | None]) -> list[float | int | None]:
    return [int(v) if v is not None and v.is_integer() else v for v in values]
