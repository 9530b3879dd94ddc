"""The latest readings: locked for writing, and read again from the beliefs if missing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import cache

from flexmeasures.data import db
from flexmeasures.data.models.data_sources import DataSource
from sqlalchemy import select

from flexmeasures_pms.catalogue.quantities import BY_ASSET_TYPE
from flexmeasures_pms.catalogue.readings import sensor_specs
from flexmeasures_pms.catalogue.recording import SNAPSHOT
from flexmeasures_pms.registry import tables
from flexmeasures_pms.registry.ddl import TURNS
from flexmeasures_pms.storage.arrays import array
from flexmeasures_pms.storage.readings.ahead import make_latest, set_aside, with_ahead
from flexmeasures_pms.storage.readings.late import StoredStream
from flexmeasures_pms.storage.readings.latest import (
    forget_latest,
    keep_latest,
    latest_of,
    locked,
)
from flexmeasures_pms.storage.readings.newest import Newest
from flexmeasures_pms.storage.readings.recordings import policies_of
from flexmeasures_pms.storage.readings.unwritten import bits_of
from flexmeasures_pms.storage.sources import reports_as_source

# The last rows of each thing: the parts of its newest reading are among them. Sensors are
# found by name, because they have no index by asset alone. OFFSET 0 has each of them looked up
# by the index: a table of beliefs that was not analysed yet would be read as a whole.
_ROWS = """
    WITH catalogue AS (SELECT * FROM unnest(%s::text[], %s::text[]) AS c (kind, name)),
    things AS MATERIALIZED (
      SELECT t.id, t.kind, t.asset_id, max(newest.event_start) AS moment
      FROM pms_trackable t
      JOIN catalogue o ON o.kind = t.kind
      JOIN sensor other ON other.name = o.name AND other.generic_asset_id = t.asset_id
      CROSS JOIN LATERAL (
        SELECT event_start FROM timed_belief
        WHERE sensor_id = other.id AND event_start <= %s ORDER BY event_start DESC LIMIT 1
      ) newest
      WHERE t.id = ANY (%s::bigint[])
      GROUP BY t.id
    )
    SELECT t.id, t.kind, b.source_id, s.name, b.event_start, b.event_value
    FROM things t
    JOIN catalogue n ON n.kind = t.kind
    JOIN sensor s ON s.name = n.name AND s.generic_asset_id = t.asset_id
    CROSS JOIN LATERAL (
      SELECT source_id, event_start, event_value FROM timed_belief
      WHERE sensor_id = s.id AND event_start > t.moment - %s AND event_start <= %s
        AND belief_horizon = '0' AND cumulative_probability = 0.5
      OFFSET 0
    ) b"""
# Things without a row to lock share a limited number of locks instead, because PostgreSQL has
# room for so many: two requests may conflict at a thing's first reading.
_WAIT = """
    SELECT pg_advisory_xact_lock(hashtext('pms_latest ' || %s), turn)
    FROM unnest(%s::int[]) AS t (turn)"""
_REPEATS = """
    SELECT r.event_time, r.mask FROM pms_repeat r
    WHERE r.subject_id = %s AND r.source_id = %s
      AND r.event_time > %s AND r.event_time <= %s"""


def take_turns(
    account_id: int, trackable_ids: Collection[int], until: datetime
) -> dict[int, Newest]:
    """Return the newest readings of some things, locked until the transaction ends.

    A transaction takes all that it needs at once: turns come before rows, and both in the order
    of their numbers.

    :param until: time of the last reading that is not ahead of the clock.
    """
    cursor = db.session.connection().connection.cursor()
    turns: set[int] = set()
    found = locked(trackable_ids, first="SAVEPOINT pms_turns;")
    while missing := set(trackable_ids) - found.keys():
        if turns >= {number % TURNS for number in missing}:
            found |= _first(missing, until)
            break
        # Nobody may wait for a turn while others wait for rows that it has locked.
        cursor.execute("ROLLBACK TO SAVEPOINT pms_turns")
        turns |= {number % TURNS for number in missing}
        cursor.execute(_WAIT, (account_id, array(sorted(turns))))
        found = locked(trackable_ids)
    if unsettled := {n: s for n, s in found.items() if s.has_ahead or s.is_later(until)}:
        found |= _settled(unsettled, until)
    return found


def _first(missing: set[int], until: datetime) -> dict[int, Newest]:
    """Return what is known of things without latest readings, whose turn it is."""
    found: dict[int, Newest] = {}
    # What is ahead has no other readings beside it, and is not searched each time.
    waiting = with_ahead(missing)
    if unknown := missing - waiting:
        rebuild(unknown, until)
        found = locked(unknown)
    found |= {n: Newest(has_ahead=n in waiting) for n in missing - found.keys()}
    for number, policies in policies_of(missing).items():
        found[number].policies = policies
    return found


def _settled(unsettled: Mapping[int, Newest], until: datetime) -> dict[int, Newest]:
    """Return the newest readings of things again, after what is ahead was sorted out.

    A latest reading may be ahead itself: it was stored before readings that are ahead were kept
    apart, or the server's clock was set back. Readings before it may repeat earlier ones. They
    stay as they are: while a thing has anything ahead, what is written to it is treated as late.
    """
    too_late = [number for number, newest in unsettled.items() if newest.is_later(until)]
    if too_late:
        set_aside(too_late)
        rebuild(too_late, until)
    changed = {*too_late, *make_latest(unsettled, until)}
    if not changed:
        return {}
    found = locked(changed)
    for number in changed - found.keys():
        found[number] = Newest(policies=unsettled[number].policies, has_ahead=True)
    return found


def rebuild_stored(account_id: int, trackable_ids: Collection[int], until: datetime) -> None:
    """Lock things, and read the latest readings again of those that have any stored.

    :param until: time of the last belief that is not ahead of the clock.
    """
    take_turns(account_id, trackable_ids, until)
    rebuild(latest_of(trackable_ids).keys(), until)


def rebuild(trackable_ids: Collection[int], until: datetime) -> None:
    """Read the latest readings of some things again from their beliefs.

    They are locked by :func:`take_turns`.

    :param until: time of the last belief that is not ahead of the clock.
    """
    if not trackable_ids:
        return
    forget_latest(trackable_ids)
    cursor = db.session.connection().connection.cursor()
    cursor.execute(_ROWS, (*_catalogue(), until, array(trackable_ids), SNAPSHOT, until))
    streams: dict[tuple[int, int], StoredStream] = defaultdict(StoredStream)
    kinds: dict[int, str] = {}
    for trackable, kind, source, name, time, value in cursor:
        streams[trackable, source].track(name).put(time, value)
        kinds[trackable] = kind
    devices = _devices(streams)
    newest: dict[int, Newest] = {}
    for (trackable, source), stream in streams.items():
        if (device := devices.get((trackable, source))) is not None:
            repeats = trackable, source, _written(stream) - SNAPSHOT, until
            cursor.execute(_REPEATS, repeats)
            found = _newest(cursor, stream, kinds[trackable])
            found.device_id = device
            known = newest.get(trackable)
            if known is None or _rank(found) > _rank(known):
                newest[trackable] = found
    keep_latest(newest)


@cache
def _catalogue() -> tuple[list[str], list[str]]:
    """Return the names of all sensors: the asset types, and the names beside them."""
    names = [(kind, name) for kind in BY_ASSET_TYPE for name in sensor_specs(kind)]
    return [kind for kind, _ in names], [name for _, name in names]


def _rank(newest: Newest) -> tuple[bool, datetime | None, int]:
    return newest.time is not None, newest.time, -newest.device_id


def _devices(streams: Collection[tuple[int, int]]) -> dict[tuple[int, int], int]:
    sources = {source for _, source in streams}
    things = {thing for thing, _ in streams}
    device, thing = tables.trackable.alias(), tables.trackable.c
    found = db.session.execute(
        select(thing.id, DataSource.id, device.c.id)
        .select_from(DataSource)
        .join(device, reports_as_source(device))
        .join(tables.trackable, thing.account_id == DataSource.account_id)
        .where(DataSource.id.in_(sources), thing.id.in_(things))
        .order_by(device.c.id.desc())
    )
    return {(thing_id, source): device_id for thing_id, source, device_id in found}


def _written(stream: StoredStream) -> datetime:
    return max(track.times[-1] for track in stream.tracks.values())


def _newest(repeats: Iterable[tuple[datetime, int]], stream: StoredStream, kind: str) -> Newest:
    for time, mask in repeats:
        stream.repeat(time, mask)
    moment = max([_written(stream), *stream.repeats])
    bits = bits_of(kind, stream.tracks.keys())
    readings = {
        name: value
        for name in stream.tracks
        if (value := stream.known(name, moment, bits.get(name, 0))) is not None
    }
    return Newest(moment, readings=readings, changed=True)
