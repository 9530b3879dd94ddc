"""The lock of one thing, for those who need no latest readings of it."""

from __future__ import annotations

from flexmeasures.data import db

from flexmeasures_pms.registry.ddl import TURNS

_LOCK = "SELECT FROM pms_latest WHERE trackable_id = %s FOR UPDATE"
_WAIT = """
    SELECT pg_advisory_xact_lock(hashtext('pms_latest ' || account_id), (id %% %s)::int)
    FROM pms_trackable WHERE id = %s"""


def lock_thing(subject_id: int) -> None:
    """Lock a thing as writers of its readings do: by its latest readings, or else by its turn.

    Only one in a transaction, and before any other lock.
    """
    cursor = db.session.connection().connection.cursor()
    cursor.execute(_LOCK, (subject_id,))
    if cursor.rowcount == 0:
        cursor.execute(_WAIT, (TURNS, subject_id))
        cursor.execute(_LOCK, (subject_id,))
