"""The latest readings: locked for writing, and read again from the log if missing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from flexmeasures.data import db
from sqlalchemy import select

from flexmeasures_pms.registry import tables
from flexmeasures_pms.registry.ddl import TURNS
from flexmeasures_pms.storage.arrays import array
from flexmeasures_pms.storage.log import samples
from flexmeasures_pms.storage.log.places import places_of
from flexmeasures_pms.storage.readings.latest import (
    forget_latest,
    keep_latest,
    latest_of,
    locked,
)
from flexmeasures_pms.storage.readings.newest import Newest, named
from flexmeasures_pms.storage.readings.recordings import policies_of

# Things without a row to lock share a limited number of locks instead, because PostgreSQL has
# room for so many: two requests may conflict at a thing's first reading.
_WAIT = """
    SELECT pg_advisory_xact_lock(hashtext('pms_latest ' || %s), turn)
    FROM unnest(%s::int[]) AS t (turn)"""


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
            found |= _read_again(missing, until)
            break
        # Nobody may wait for a turn while others wait for rows that it has locked.
        cursor.execute("ROLLBACK TO SAVEPOINT pms_turns")
        turns |= {number % TURNS for number in missing}
        cursor.execute(_WAIT, (account_id, array(sorted(turns))))
        found = locked(trackable_ids)
    if unsettled := {n: s for n, s in found.items() if s.has_ahead or s.is_later(until)}:
        found |= _settled(unsettled, until)
    return found


def _read_again(unknown: Collection[int], until: datetime) -> dict[int, Newest]:
    """Return what the log has of things whose turn it is, and keep it as the latest readings."""
    found = _read(unknown, until)
    for number, policies in policies_of(unknown).items():
        found[number].policies = policies
    return found


def _settled(unsettled: Mapping[int, Newest], until: datetime) -> dict[int, Newest]:
    """Return the newest readings of things again, after what is ahead was sorted out.

    A latest reading may be ahead itself, if the server's clock was set back. While a thing has
    anything ahead, what is written to it is treated as late.
    """
    in_log = samples.newest(unsettled, until)
    changed = {
        number
        for number, found in in_log.items()
        if (found.key and found.key.time) != unsettled[number].time
        or found.has_ahead != unsettled[number].has_ahead
    }
    forget_latest(changed)
    return _read_again(changed, until) if changed else {}


def rebuild_stored(account_id: int, trackable_ids: Collection[int], until: datetime) -> None:
    """Lock things, and read the latest readings again of those that have any stored.

    :param until: time of the last reading that is not ahead of the clock.
    """
    take_turns(account_id, trackable_ids, until)
    rebuild(latest_of(trackable_ids).keys(), until)


def rebuild(trackable_ids: Collection[int], until: datetime) -> None:
    """Read the latest readings of some things again from the log.

    They are locked by :func:`take_turns`. What was written last is not known of them: what comes
    next is written, whether it repeats or not.

    :param until: time of the last reading that is not ahead of the clock.
    """
    if trackable_ids:
        forget_latest(trackable_ids)
        _read(trackable_ids, until)


def _read(trackable_ids: Collection[int], until: datetime) -> dict[int, Newest]:
    in_log = samples.newest(trackable_ids, until)
    kinds = _kinds([number for number, found in in_log.items() if found.key])
    newest = {number: Newest(has_ahead=found.has_ahead) for number, found in in_log.items()}
    for number, found in in_log.items():
        if found.key is not None:
            state = newest[number]
            state.time, state.device_id = found.key.time, found.key.device_id
            state.readings = named(list(found.readings), places_of(kinds[number]))
    keep_latest({n: s for n, s in newest.items() if s.time is not None})
    return newest


def _kinds(trackable_ids: Collection[int]) -> dict[int, str]:
    thing = tables.trackable.c
    rows = db.session.execute(select(thing.id, thing.kind).where(thing.id.in_(trackable_ids)))
    return {row.id: row.kind for row in rows}
