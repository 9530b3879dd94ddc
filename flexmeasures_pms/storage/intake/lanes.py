"""The locks of the journal's lanes, of which PostgreSQL has room for some thousand in all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg2.errors import LockNotAvailable

_FEW = 64
"""So many lanes of a request are locked one by one."""

_LOCK = """
    SELECT pg_try_advisory_xact_lock_shared(hashtext('pms_journal'), %s)
      AND (SELECT bool_and(pg_try_advisory_xact_lock(lane)) FROM unnest(%s::bigint[]) lane)"""
# Waiting in PostgreSQL's queue keeps further requests of the organisation from going first.
_LOCK_ALL = "SELECT pg_advisory_xact_lock(hashtext('pms_journal'), %s) IS NOT NULL"


def lock_lanes(cursor: Any, account_id: int, lanes: Sequence[int]) -> bool:
    """Lock some lanes until the end of the transaction; return whether they were free.

    Many are not locked one by one: all lanes of the organisation are locked at once.
    """
    try:
        if len(lanes) > _FEW:
            cursor.execute(_LOCK_ALL, (account_id,))
        else:
            cursor.execute(_LOCK, (account_id, list(lanes)))
    except LockNotAvailable:
        return False
    return bool(cursor.fetchone()[0])
