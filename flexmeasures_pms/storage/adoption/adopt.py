"""Fill the log from the beliefs that are there, a thing and a day at a time.

What the log has already stays as it is: so this may be cut off, and begun again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from flexmeasures.data import db

from flexmeasures_pms.catalogue.limits import CLOCK_SKEW
from flexmeasures_pms.catalogue.quantities import BY_ASSET_TYPE
from flexmeasures_pms.catalogue.recording import SNAPSHOT
from flexmeasures_pms.config import settings
from flexmeasures_pms.errors import SchemaError
from flexmeasures_pms.migrations import sample_tables
from flexmeasures_pms.migrations.belief_tables import COLUMNS, PREFIX
from flexmeasures_pms.storage.adoption.comparing import Compared, compare
from flexmeasures_pms.storage.adoption.earlier import Flags, Times, read, to_number, to_time, told
from flexmeasures_pms.storage.adoption.things import AdoptedThing, next_time, things
from flexmeasures_pms.storage.arrays import array
from flexmeasures_pms.storage.log import samples
from flexmeasures_pms.storage.log.places import places_of
from flexmeasures_pms.storage.log.quarters import LAST_PLACE
from flexmeasures_pms.storage.log.samples import LoggedSample, SampleKey, Window
from flexmeasures_pms.storage.log.values import NONE, is_none
from flexmeasures_pms.storage.readings.belief_tables import make, table_of
from flexmeasures_pms.storage.readings.beliefs import copy_rows
from flexmeasures_pms.storage.readings.blocks import BeliefRows
from flexmeasures_pms.storage.readings.turns import rebuild, take_turns

DAY = timedelta(days=1)
_REPORTS = """
    SELECT event_start, min(board_id) FROM pms_board_report
    WHERE case_id = %s AND source_id = %s AND event_start >= %s AND event_start < %s
    GROUP BY event_start"""
# To where they are thinned as what is received. Readings stay in the log.
_MOVE = f"""
    SET LOCAL pms.beliefs_move = 'on';
    WITH moved AS (
      DELETE FROM ONLY timed_belief WHERE sensor_id = ANY (%s::int[])
        AND source_id = ANY (%s::int[]) AND event_start >= %s AND event_start < %s
        AND belief_horizon = '0' AND cumulative_probability = 0.5
      RETURNING {COLUMNS}
    ) INSERT INTO {{table}} ({COLUMNS}) SELECT * FROM moved ON CONFLICT DO NOTHING;
    SET LOCAL pms.beliefs_move = 'off'"""  # noqa: S608 - our names
_FORGET = """
    DELETE FROM pms_repeat WHERE subject_id = %s AND source_id = ANY (%s::int[])
      AND event_time >= %s AND event_time < %s"""


@dataclass(slots=True)
class Adopted:
    """What was taken over.

    :param things: number of things with beliefs.
    :param written: readings that repeated one of the quarter of an hour before, and were
        written now.
    """

    things: int = 0
    written: int = 0
    compared: Compared = field(default_factory=Compared)


def planned() -> list[AdoptedThing]:
    """Return what is to be taken over; the caller commits."""
    make_tables()
    return list(things())


def make_tables() -> None:
    """Make the tables that beliefs are moved to: nobody else may hold FlexMeasures' own."""
    for kind in sorted(BY_ASSET_TYPE):
        places_of(kind)
    db.session.commit()
    now = datetime.now(UTC)
    for table in (table_of(now), _table_of_before(now)):
        make(table)


def _table_of_before(now: datetime) -> str:
    return f"{PREFIX}{now.year - 1}_w00"


def days(found: Sequence[AdoptedThing]) -> int:
    """Return how many days some things have in all, for a progress bar."""
    return sum((_day(thing.last) - _day(thing.first)) // DAY + 1 for thing in found)


def adopt(found: Sequence[AdoptedThing], tell: Callable[[int], None]) -> Adopted:
    """Fill the log from the beliefs of some things, and drop what it stands for.

    A transaction holds one thing and day, and its lock.

    :param tell: is told how many more days of things are done.
    :raises SchemaError: if the log lacks beliefs afterwards: then nothing is dropped.
    """
    done = Adopted(len(found))
    for thing in found:
        for day in _days_of(thing, tell):
            done.written += adopt_day(thing, day, done.compared)
            db.session.commit()
        until = _until()
        take_turns(thing.account_id, {thing.id}, until)
        rebuild({thing.id}, until)
        db.session.commit()
    if done.compared.lacking:
        raise SchemaError(
            f"{done.compared.lacking} beliefs are not in the log of samples: something wrote or "
            "deleted them meanwhile. Stop what does, and run this again."
        )
    sample_tables.drop_earlier(db.session.connection())
    db.session.commit()
    return done


def adopt_day(thing: AdoptedThing, day: datetime, compared: Compared) -> int:
    """Fill the log with a thing's beliefs of a day; the caller commits.

    :param compared: takes what the log has of them afterwards.
    :returns: how many readings were written that were not before.
    """
    take_turns(thing.account_id, {thing.id}, _until())
    found, written = compare(thing, day, day + DAY), 0
    if found.lacking or found.unknown:
        written = _fill(thing, day)
        found = compare(thing, day, day + DAY)
        if found.unknown:
            # Of what is written now, they must not seem to be repeats the next time.
            _execute(_FORGET, thing.id, array(thing.sources), day, day + DAY)
    compared.add(found)
    if not found.lacking and not found.differing:
        _move(thing, day)
    return written


def _move(thing: AdoptedThing, day: datetime) -> None:
    """Move beliefs out of FlexMeasures' own table, where they would never be thinned."""
    now = datetime.now(UTC)
    recent = not settings().belief_days or day > now - timedelta(days=settings().belief_days)
    statement = _MOVE.format(table=table_of(now) if recent else _table_of_before(now))
    _execute(statement, array(thing.places), array(thing.sources), day, day + DAY)


def _until() -> datetime:
    return datetime.now(UTC) + CLOCK_SKEW


def _day(time: datetime) -> datetime:
    return time.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _days_of(thing: AdoptedThing, tell: Callable[[int], None]) -> Iterator[datetime]:
    """Yield the days on which anything is stored of a thing."""
    last, at = _day(thing.last), next_time(thing, thing.first)
    done = _day(thing.first)
    while at is not None:
        day = _day(at)
        tell(max((min(day, last) - done) // DAY, 0))
        done = max(done, min(day, last))
        yield day
        at = next_time(thing, day + DAY)
    tell((last - done) // DAY + 1)


def _fill(thing: AdoptedThing, day: datetime) -> int:
    places, rows = len(places_of(thing.kind)), 0
    for source, found in read(thing, day - SNAPSHOT, day + DAY, places):
        stream = told(found)
        of_day = found.times >= to_number(day)
        is_told = of_day & ~np.isnan(stream.readings).all(axis=1)
        log = _Filled(thing, source, day, places)
        bits = _bits(stream.repeats)
        for i in np.flatnonzero(is_told).tolist():
            time, readings = to_time(int(found.times[i])), stream.readings[i].tolist()
            log.put(time, readings, int(bits[i]), np.flatnonzero(stream.anew[i]).tolist())
        rows += log.write()
    return rows


def _bits(repeats: Flags) -> Times:
    """Return the bits of each sample's readings that repeat."""
    with_bit = repeats[:, : LAST_PLACE + 1].astype(np.int64)
    bits: Times = (with_bit << np.arange(with_bit.shape[1])).sum(axis=1)
    return bits


class _Filled:
    """The log of a thing by one source on a day, while it is filled."""

    def __init__(self, thing: AdoptedThing, source: int, day: datetime, places: int) -> None:
        self._thing, self._source = thing, source
        self._device = thing.sources[source]
        window = Window(thing.id, self._device, day, day + DAY)
        self._there = {sample.key.time: sample for sample in samples.between([window])}
        for sample in self._there.values():
            sample.readings += [NONE] * (places - len(sample.readings))
        self._boards = _boards(thing.id, source, day)
        self._sensors = {place: number for number, place in thing.places.items()}
        self._new: list[LoggedSample] = []
        self._changed: list[LoggedSample] = []
        self._rows: BeliefRows = []

    def put(self, time: datetime, readings: list[float], bits: int, anew: list[int]) -> None:
        """Add what is told of a time, as far as the log has not got it."""
        board = self._boards.get(time)
        sample = self._there.get(time)
        if sample is None:
            key = SampleKey(self._thing.id, time, self._device)
            self._new.append(LoggedSample(key, self._source, board, bits, [*readings]))
            added = set(range(len(readings)))
        else:
            added = {
                place
                for place, value in enumerate(readings)
                if not is_none(value) and is_none(sample.readings[place])
            }
            for place in added:
                sample.readings[place] = readings[place]
                sample.repeats |= bits & 1 << place
            sample.board_id = board if sample.board_id is None else sample.board_id
            self._changed.append(sample)
        self._rows += [
            (time, self._sensors[place], self._source, readings[place])
            for place in anew
            if place in added
        ]

    def write(self) -> int:
        """Write the samples, and the beliefs that they need; return how many these are."""
        if self._rows:
            copy_rows([self._rows])
        samples.add(self._new)
        samples.replace(self._changed)
        return len(self._rows)


def _boards(case_id: int, source: int, day: datetime) -> dict[datetime, int]:
    """Return under which board's id samples of a case were sent, by time."""
    reports = _execute(_REPORTS, case_id, source, day, day + DAY)
    return {time.astimezone(UTC): board for time, board in reports}


def _execute(statement: str, *values: object) -> Any:
    cursor = db.session.connection().connection.cursor()
    cursor.execute(statement, values)
    return cursor
