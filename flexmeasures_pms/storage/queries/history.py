"""Readings of a period, summed up in columns: the lowest, the mean and the highest of each.

One statement for all sensors of an asset: the rows of one sample lie side by side, so that
reading 43 sensors takes hardly longer than reading 14. Up to :data:`MOST_READINGS` all of them
are read. Of more, such as a year with a reading each 5 s, only those at the start of each
column are read by the index: ten years take no longer than one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from flexmeasures.data import db

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""Columns of every width are aligned to this time."""

MOST_READINGS = 2_500_000
"""Most readings that are summed up for one request: about one second."""
_FEWEST_PER_COLUMN = 12
_PROBES, _PROBE, _PROBED = 24, timedelta(minutes=2), 8

_MEASURED = """belief_horizon = '0' AND cumulative_probability = 0.5
        AND (%(within)s::tstzmultirange IS NULL OR event_start <@ %(within)s::tstzmultirange)"""
# With less memory the database would sort on disk. Plain index scans
# fetch the rows of one sensor after those of another, and so each page of the table as often
# as there are sensors.
_SETTINGS = """
    SELECT set_config('work_mem', '64MB', true), set_config('jit', 'off', true),
           set_config('enable_indexscan', %s, true)"""
_SUMS = """
    min(event_value) AS low, max(event_value) AS high, sum(event_value) AS total,
    count(*) AS readings, max(event_start) AS newest"""
# Materialised, or the planner sorts all readings to order the columns: 1.3 s instead
# of 0.7 s for 40 sensors of 30 days with a reading a minute, medians of 4 in one session.
_COLUMNS = f"""
    WITH columns AS MATERIALIZED (
      SELECT sensor_id, source_id, date_bin(%(step)s, event_start, %(epoch)s) AS begin, {_SUMS}
      FROM timed_belief
      WHERE sensor_id = ANY (%(sensors)s) AND source_id = ANY (%(sources)s)
        AND event_start >= %(start)s AND event_start < %(end)s AND {_MEASURED}
      GROUP BY 1, 2, 3
    )
    SELECT sensor_id, source_id, begin, low, high, total, readings, newest,
      CASE
        WHEN low = high THEN low
        WHEN sensor_id = ANY (%(states)s) THEN (
          SELECT b.event_value FROM timed_belief b
          WHERE b.sensor_id = columns.sensor_id AND b.event_start = columns.newest
            AND b.source_id = columns.source_id AND {_MEASURED}
        )
      END
    FROM columns ORDER BY sensor_id, begin, newest"""  # noqa: S608 - of constants
# A state that does not change may have been written some time before.
_SAMPLED = f"""
    SELECT s.sensor, found.source_id, c.begin, low, high, total, readings, newest,
      CASE WHEN low = high THEN low END
    FROM unnest(%(sensors)s::int[]) AS s (sensor)
    CROSS JOIN generate_series(%(first)s, %(end)s, %(step)s) AS c (begin)
    CROSS JOIN LATERAL (
      SELECT source_id, {_SUMS} FROM timed_belief
      WHERE NOT s.sensor = ANY (%(states)s) AND sensor_id = s.sensor
        AND source_id = ANY (%(sources)s)
        AND event_start >= c.begin AND event_start < c.begin + %(sample)s AND {_MEASURED}
      GROUP BY source_id
      UNION ALL
      (
        SELECT source_id, event_value, event_value, event_value, 1, event_start FROM timed_belief
        WHERE s.sensor = ANY (%(states)s) AND sensor_id = s.sensor
          AND source_id = ANY (%(sources)s)
          AND event_start >= c.begin AND event_start < c.begin + %(kept)s AND {_MEASURED}
        ORDER BY event_start LIMIT 1
      )
    ) found
    WHERE c.begin < %(end)s AND newest >= %(start)s
    ORDER BY s.sensor, c.begin, newest"""  # noqa: S608 - of constants
# A scalar subquery: a join would be planned for the whole table.
_COUNT = f"""
    SELECT sum((
      SELECT count(*) FROM timed_belief
      WHERE sensor_id = s.sensor
        AND event_start >= m.moment AND event_start < m.moment + %(probe)s AND {_MEASURED}
    ))::int
    FROM unnest(%(sensors)s::int[]) AS s (sensor)
    CROSS JOIN unnest(%(moments)s::timestamptz[]) AS m (moment)"""  # noqa: S608 - of constants
_BOUNDS = f"""
    SELECT min(first.event_start), max(last.event_start)
    FROM unnest(%(sensors)s::int[]) AS s (sensor)
    JOIN LATERAL (
      SELECT event_start FROM timed_belief
      WHERE sensor_id = s.sensor AND source_id = ANY (%(sources)s) AND {_MEASURED}
      ORDER BY event_start LIMIT 1
    ) first ON true
    JOIN LATERAL (
      SELECT event_start FROM timed_belief
      WHERE sensor_id = s.sensor AND source_id = ANY (%(sources)s) AND {_MEASURED}
      ORDER BY event_start DESC LIMIT 1
    ) last ON true"""  # noqa: S608 - of constants


class HistoryColumn(NamedTuple):
    """A sensor's readings in one column of a period.

    :param begin: of the column; it ends where the next may begin.
    :param newest: when the last of its readings was taken.
    :param last: that reading, if known: for states, and if all are equal.
    :param sources: ids of the reporting sources.
    """

    begin: datetime
    low: float
    high: float
    total: float
    readings: int
    newest: datetime
    last: float | None
    sources: tuple[int, ...]

    @property
    def mean(self) -> float:
        """The mean of its readings, never outside them by rounding."""
        return min(max(self.total / self.readings, self.low), self.high)


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """The parameters of a query.

    :param sensors: ids; ``states`` are those of which the last reading is needed too.
    :param sources: ids of those whose readings count.
    :param within: only readings of these periods, each until before its end; None for all.
    """

    sensors: Sequence[int]
    states: Collection[int]
    sources: Collection[int]
    within: Sequence[tuple[datetime, datetime]] | None = None

    def values(self) -> dict[str, Any]:
        """Return the parameters for a statement."""
        return {
            "sensors": list(self.sensors),
            "states": list(self.states),
            "sources": list(self.sources),
            "within": None if self.within is None else _multirange(self.within),
        }


@dataclass(frozen=True, slots=True)
class Read:
    """The result of a query.

    :param columns: those that have readings by sensor, in order of time.
    :param sample: how much of each column was read; None for all of it.
    """

    columns: dict[int, list[HistoryColumn]]
    sample: timedelta | None


def read(
    wanted: HistoryQuery, start: datetime, end: datetime, step: timedelta, kept: timedelta
) -> Read:
    """Return the columns of a period: of all readings, or of a sample if they are too many.

    :param step: width of a column; the first may begin before ``start``, and has only
        readings from there on.
    :param kept: the longest time after which an unchanged state is written again.
    """
    count = estimated(wanted, start, end)
    if count <= MOST_READINGS:
        return Read(columns(wanted, start, end, step), None)
    measured = max(1, len(wanted.sensors) - len(wanted.states))
    cells = ((end - start) // step + 1) * measured
    each = max(_FEWEST_PER_COLUMN, MOST_READINGS // 2 // cells)
    sample = min(step, max(step * (each * cells / count), timedelta(seconds=1)))
    return Read(sampled(wanted, start, end, step, sample, kept), sample)


def columns(
    wanted: HistoryQuery, start: datetime, end: datetime, step: timedelta
) -> dict[int, list[HistoryColumn]]:
    """Return the columns of a period that have readings, by sensor, in order of time."""
    cursor = db.session.connection().connection.cursor()
    cursor.execute(_SETTINGS, ("off",))
    time = {"start": start, "end": end, "step": step, "epoch": EPOCH}
    cursor.execute(_COLUMNS, {**wanted.values(), **time})
    found = _gathered(wanted, cursor)
    cursor.execute(_SETTINGS, ("on",))
    return found


def sampled(
    wanted: HistoryQuery,
    start: datetime,
    end: datetime,
    step: timedelta,
    sample: timedelta,
    kept: timedelta,
) -> dict[int, list[HistoryColumn]]:
    """Return the same for only the start of each column; for states, the first reading.

    :param sample: how much of each column is read.
    """
    cursor = db.session.connection().connection.cursor()
    time = {"start": start, "end": end, "step": step, "sample": sample, "kept": min(kept, step)}
    first = start - (start - EPOCH) % step
    cursor.execute(_SAMPLED, {**wanted.values(), **time, "first": first})
    return _gathered(wanted, cursor)


def estimated(wanted: HistoryQuery, start: datetime, end: datetime) -> int:
    """Estimate the number of readings in a period from some moments of some sensors.

    Sensors of one asset mostly have readings at the same times.
    """
    known = bounds(wanted)
    if known is None:
        return 0
    begin, length = max(start, known[0]), min(end, known[1]) - max(start, known[0])
    if length <= _PROBES * _PROBE:
        return 0
    moments = [begin + length * (n / _PROBES) for n in range(_PROBES)]
    probed = list(wanted.sensors)[:: -(-len(wanted.sensors) // _PROBED)]
    cursor = db.session.connection().connection.cursor()
    values = {**wanted.values(), "sensors": probed}
    cursor.execute(_COUNT, {**values, "moments": moments, "probe": _PROBE})
    ((count,),) = cursor.fetchall()
    return int(count * (length / (_PROBES * _PROBE)) * (len(wanted.sensors) / len(probed)))


def _gathered(wanted: HistoryQuery, cursor: Iterable[Any]) -> dict[int, list[HistoryColumn]]:
    found: dict[int, list[HistoryColumn]] = {sensor: [] for sensor in wanted.sensors}
    for sensor, source, begin, low, high, total, readings, newest, last in cursor:
        new = HistoryColumn(begin, low, high, total, readings, newest, last, (source,))
        _add(found[sensor], new)
    return found


def _add(known: list[HistoryColumn], new: HistoryColumn) -> None:
    """Add a column, merged with that of another source at the same time."""
    if not known or known[-1].begin != new.begin:
        known.append(new)
        return
    old = known[-1]
    known[-1] = HistoryColumn(
        new.begin,
        min(old.low, new.low),
        max(old.high, new.high),
        old.total + new.total,
        old.readings + new.readings,
        new.newest,
        new.last,
        (*old.sources, *new.sources),
    )


def bounds(wanted: HistoryQuery) -> tuple[datetime, datetime] | None:
    """Return when the first and the newest reading of some sensors were taken, if any."""
    cursor = db.session.connection().connection.cursor()
    cursor.execute(_BOUNDS, wanted.values())
    ((first, last),) = cursor.fetchall()
    return None if first is None else (first.astimezone(UTC), last.astimezone(UTC))


def _multirange(periods: Iterable[tuple[datetime, datetime]]) -> str:
    return f"{{{','.join(f'[{begin.isoformat()},{end.isoformat()})' for begin, end in periods)}}}"
