"""Hot samples of the log: one row for each.

What is folded has other rows: see :mod:`flexmeasures_pms.storage.log.days`.

The key of a row is its thing, its time, and the device that reported it: so a sample that comes
again is found, and what it says is compared. Readings are doubles in the order of their places,
NaN where the sample has none. Those of a quantity that came later are missing at the end.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from flexmeasures.data import db

from flexmeasures_pms.storage.arrays import array
from flexmeasures_pms.storage.log.last_folded import LastSample, last_folded
from flexmeasures_pms.storage.log.values import BeliefValue


class SampleKey(NamedTuple):
    """What a sample is known by.

    :param subject_id: of the thing that it is about.
    :param device_id: of the device that reported it.
    """

    subject_id: int
    time: datetime
    device_id: int


@dataclass(slots=True)
class LoggedSample:
    """A sample as the log has it.

    :param board_id: of the acquisition board under whose id it was sent, if it was.
    :param repeats: a bit for each place whose reading is not written as a belief: it is the same
        as what was written before it.
    :param readings: by place.
    """

    key: SampleKey
    source_id: int
    board_id: int | None
    repeats: int
    readings: list[BeliefValue]


_COPY = """
    COPY pms_sample (event_time, repeats, device_id, subject_id, source_id, board_id, readings)
    FROM STDIN"""
_COLUMNS = """
    s.subject_id, s.event_time, s.device_id, s.source_id, s.board_id, s.repeats, s.readings"""
_BETWEEN = f"""
    SELECT {_COLUMNS}
    FROM unnest(%s::int[], %s::int[], %s::timestamptz[], %s::timestamptz[])
      AS k (subject, device, first, until)
    CROSS JOIN LATERAL (
      SELECT * FROM pms_sample
      WHERE subject_id = k.subject AND device_id = k.device
        AND event_time >= k.first AND event_time < k.until
      OFFSET 0
    ) s ORDER BY s.event_time"""  # noqa: S608 - of constants
_AROUND = f"""
    SELECT {_COLUMNS}
    FROM unnest(%s::int[], %s::timestamptz[], %s::int[]) AS k (subject, at, device)
    CROSS JOIN LATERAL (
      (SELECT * FROM pms_sample
       WHERE subject_id = k.subject AND device_id = k.device
         AND event_time < k.at AND event_time >= date_bin(%s, k.at, %s)
       ORDER BY event_time DESC LIMIT 1)
      UNION ALL
      (SELECT * FROM pms_sample
       WHERE subject_id = k.subject AND device_id = k.device
         AND event_time >= k.at AND event_time < date_bin(%s, k.at, %s) + %s
       ORDER BY event_time LIMIT 2)
    ) s ORDER BY s.event_time"""  # noqa: S608 - of constants
_NEWEST = """
    SELECT k.id, s.event_time, s.device_id, s.readings,
      EXISTS (SELECT FROM pms_sample WHERE subject_id = k.id AND event_time > %s)
    FROM unnest(%s::int[]) AS k (id)
    LEFT JOIN LATERAL (
      SELECT event_time, device_id, readings FROM pms_sample
      WHERE subject_id = k.id AND event_time <= %s
      ORDER BY event_time DESC, device_id LIMIT 1
    ) s ON true"""
_REPLACE = """
    UPDATE pms_sample s
    SET readings = n.readings::float8[], repeats = n.repeats, board_id = n.board
    FROM unnest(%s::int[], %s::timestamptz[], %s::int[], %s::text[], %s::bigint[], %s::int[])
      AS n (subject, at, device, readings, repeats, board)
    WHERE s.subject_id = n.subject AND s.event_time = n.at AND s.device_id = n.device"""
_TAKE = """
    DELETE FROM pms_sample s
    USING unnest(%s::int[], %s::timestamptz[], %s::int[]) AS k (subject, at, device)
    WHERE s.subject_id = k.subject AND s.event_time = k.at AND s.device_id = k.device
    RETURNING s.subject_id, s.event_time, s.device_id, s.source_id, s.board_id, s.repeats,
      s.readings"""

_WITHIN = f"""
    SELECT {_COLUMNS} FROM pms_sample s
    WHERE s.subject_id = %s AND s.event_time >= %s AND s.event_time < %s
      AND (%s IS NULL OR s.device_id = %s)
    ORDER BY s.event_time, s.device_id"""  # noqa: S608 - of constants
_FORGET = """
    DELETE FROM pms_sample WHERE subject_id = ANY (%s::int[]);
    DELETE FROM pms_day_reading WHERE subject_id = ANY (%s::int[]);
    DELETE FROM pms_level WHERE subject_id = ANY (%s::int[]);
    DELETE FROM pms_day WHERE subject_id = ANY (%s::int[])"""


class Window(NamedTuple):
    """Samples of a thing by a device that are wanted: from a time until before another."""

    subject_id: int
    device_id: int
    begin: datetime
    end: datetime


class NewestSample(NamedTuple):
    """A thing's newest sample that is not ahead of the clock.

    :param key: None if there is none.
    :param has_ahead: whether others are ahead of the clock.
    """

    key: SampleKey | None
    readings: Sequence[float]
    has_ahead: bool


class _Text:
    """A file of rows for COPY."""

    def __init__(self, rows: Iterable[LoggedSample]) -> None:
        self._text = "".join(map(_line, rows))

    def read(self, _size: int = -1) -> str:
        """Return all rows, then nothing."""
        text, self._text = self._text, ""
        return text


def _line(row: LoggedSample) -> str:
    subject, time, device = row.key
    board = "\\N" if row.board_id is None else row.board_id
    return (
        f"{time.isoformat()}\t{row.repeats}\t{device}\t{subject}\t{row.source_id}\t{board}\t"
        f"{_readings(row)}\n"
    )


def _readings(row: LoggedSample) -> str:
    text = array(row.readings)
    if "-0," in text or "-0." in text:  # a negative zero is no whole number when it is folded
        text = array(value or 0 for value in row.readings)
    return text


def add(rows: Collection[LoggedSample]) -> None:
    """Add samples that are not in the log."""
    if rows:
        _cursor().copy_expert(_COPY, _Text(rows))


def replace(rows: Collection[LoggedSample]) -> None:
    """Replace samples that have got readings, or whose readings were written."""
    if rows:
        _cursor().execute(
            _REPLACE,
            (
                *_keys(row.key for row in rows),
                [_readings(row) for row in rows],
                array(row.repeats for row in rows),
                [row.board_id for row in rows],
            ),
        )


def take(keys: Collection[SampleKey]) -> list[LoggedSample]:
    """Delete samples, and return them: to add them elsewhere in the same transaction."""
    if not keys:
        return []
    cursor = _cursor()
    cursor.execute(_TAKE, _keys(keys))
    return list(_samples(cursor))


def between(windows: Collection[Window]) -> list[LoggedSample]:
    """Return the samples of some windows, in the order of their times."""
    if not windows:
        return []
    cursor = _cursor()
    cursor.execute(_BETWEEN, [array(column) for column in zip(*windows, strict=True)])
    return list(_samples(cursor))


def within(
    subject_id: int, begin: datetime, end: datetime, device_id: int | None
) -> list[LoggedSample]:
    """Return the samples of a thing in a period, in the order of their times.

    :param end: not included.
    :param device_id: of those that one device reported; None for all.
    """
    cursor = _cursor()
    cursor.execute(_WITHIN, (subject_id, begin, end, device_id, device_id))
    return list(_samples(cursor))


def around(keys: Collection[SampleKey], step: Any, origin: datetime) -> list[LoggedSample]:
    """Return samples with the one before and after each, in the order of their times.

    :param step: only those in the same one: steps begin at an origin.
    """
    if not keys:
        return []
    cursor = _cursor()
    cursor.execute(_AROUND, (*_keys(keys), step, origin, step, origin, step))
    return list(_samples(cursor))


def newest(subject_ids: Collection[int], until: datetime) -> dict[int, NewestSample]:
    """Return the newest sample of each thing, hot or folded; they are locked.

    Of two devices that reported one moment, the first registered is taken.

    :param until: time of the last sample that is not ahead of the clock.
    """
    folded = last_folded(subject_ids, until)
    cursor = _cursor()
    cursor.execute(_NEWEST, (until, array(subject_ids), until))
    found = {}
    for subject, time, device, readings, has_ahead in cursor:
        ends = [LastSample(time.astimezone(UTC), device, readings)] if time else []
        ends += [folded[subject]] if subject in folded else []
        last = max(ends, key=lambda end: (end.time, -end.device_id), default=None)
        key = SampleKey(subject, last.time, last.device_id) if last else None
        found[subject] = NewestSample(key, last.readings if last else (), has_ahead)
    return found


def forget(subject_ids: Collection[int]) -> None:
    """Delete all samples of some things: their beliefs are deleted."""
    if subject_ids:
        _cursor().execute(_FORGET, [array(subject_ids)] * 4)


def _samples(cursor: Iterable[Any]) -> Iterator[LoggedSample]:
    for subject, time, device, source, board, repeats, readings in cursor:
        key = SampleKey(subject, time.astimezone(UTC), device)
        yield LoggedSample(key, source, board, repeats, readings)


def _keys(keys: Iterable[SampleKey]) -> list[str]:
    columns: Any = zip(*keys, strict=True)
    return [array(column) for column in columns]


def _cursor() -> Any:
    return db.session.connection().connection.cursor()
