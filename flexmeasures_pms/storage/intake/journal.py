"""The journal: requests that were accepted and wait for a worker, in order per lane.

A lane is a device, as requests spell it. A request may be processed when it is the first in
all its lanes. Organisations take turns: the one that was served longest ago is next, and the
order of ids holds within each. A request is claimed in a separate transaction, so that
attempts count even if they kill the worker; then it is locked for the transaction that stores
its samples, writes its receipt and deletes it. A request that failed too often leaves the
lanes, and stays.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from flexmeasures.data import db
from sqlalchemy.engine import Row

from flexmeasures_pms.errors import NotHeld
from flexmeasures_pms.storage.intake.lanes import lock_lanes
from flexmeasures_pms.storage.tables import journal

_ADD = """
    WITH added AS (
      INSERT INTO pms_journal (
        id, account_id, received_at, sender, key_id, dataset, content_type, encoding, digest,
        samples, lanes, body, retry_at
      ) VALUES (
        nextval(pg_get_serial_sequence('pms_receipt', 'id')),
        %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, now()
      ) RETURNING id, lanes
    ), lanes AS (
      INSERT INTO pms_journal_lane (lane, journal_id)
      SELECT unnest(added.lanes), added.id FROM added
    )
    SELECT id FROM added"""

# The first of each lane is found by going from lane to lane in the index: its cost does not
# depend on how many requests wait.
_READY = """
    WITH RECURSIVE first AS (
      (SELECT lane, journal_id FROM pms_journal_lane ORDER BY lane, journal_id LIMIT 1)
      UNION ALL
      SELECT next.* FROM first CROSS JOIN LATERAL (
        SELECT lane, journal_id FROM pms_journal_lane l
        WHERE l.lane > first.lane ORDER BY lane, journal_id LIMIT 1
      ) next
    ), counted AS (
      SELECT journal_id, count(*) AS lanes FROM first GROUP BY journal_id
    ), ready AS (
      SELECT j.id, j.account_id, j.retry_at
      FROM counted JOIN pms_journal j ON j.id = counted.journal_id
      WHERE cardinality(j.lanes) = counted.lanes
    )"""

LONGEST_WAIT = timedelta(seconds=60)
"""No request waits longer for a retry: one that does was planned before a clock was set back."""

# An organisation's second request comes after the first of each other one.
_CLAIM = """
    , ranked AS (
      SELECT id, account_id, row_number() OVER (PARTITION BY account_id ORDER BY id) AS place
      FROM ready WHERE retry_at <= now() OR retry_at > now() + %(longest)s
    ), due AS (
      SELECT j.id, j.account_id, r.place, coalesce(t.served, 0) AS served
      FROM pms_journal j JOIN ranked r USING (id)
      LEFT JOIN pms_journal_turn t ON t.account_id = r.account_id
      WHERE j.retry_at <= now() OR j.retry_at > now() + %(longest)s
      ORDER BY place, coalesce(t.served, 0), j.id LIMIT %(most)s FOR UPDATE OF j SKIP LOCKED
    ), turns AS (
      INSERT INTO pms_journal_turn AS t (account_id, served)
      SELECT account_id, (SELECT coalesce(max(served), 0) + 1 FROM pms_journal_turn)
      FROM due GROUP BY account_id ORDER BY account_id
      ON CONFLICT (account_id) DO UPDATE SET served = greatest(t.served, excluded.served)
    )
    UPDATE pms_journal j
    SET state = 'processing', attempts = attempts + 1, retry_at = now() + %(lease)s
    FROM due WHERE j.id = due.id
    RETURNING due.place, due.served, j.id, j.account_id, received_at, sender, key_id, dataset,
      content_type, encoding, digest, body, lanes, attempts"""

_LIMIT = "SET LOCAL lock_timeout = %s; SET LOCAL statement_timeout = %s"
_HOLD = """
    SELECT id FROM pms_journal j
    WHERE id = %s AND attempts = %s AND state = 'processing' AND NOT EXISTS (
      SELECT FROM pms_journal_lane own JOIN pms_journal_lane other USING (lane)
      WHERE own.journal_id = j.id AND other.journal_id < j.id
    ) FOR UPDATE OF j"""

_NEXT_RETRY = """
    SELECT extract(epoch FROM min(
      CASE WHEN retry_at > now() + %s THEN now() ELSE retry_at END
    ) - now())::float FROM ready"""

_REQUEUE = """
    WITH again AS (
      UPDATE pms_journal SET state = 'waiting', attempts = 0, retry_at = now()
      WHERE state = 'failed' AND (%(account)s IS NULL OR account_id = %(account)s)
        AND (%(ids)s::bigint[] IS NULL OR id = ANY (%(ids)s::bigint[]))
      RETURNING id, lanes
    ), lanes AS (
      INSERT INTO pms_journal_lane (lane, journal_id)
      SELECT unnest(again.lanes), again.id FROM again
    )
    SELECT id FROM again ORDER BY id"""


class Waiting(NamedTuple):
    """A request in the journal.

    :param encoding: as sent; without one, the body here is compressed by zlib.
    :param samples: how many it has.
    :param lanes: a distinct number for each device.
    """

    account_id: int
    received_at: datetime
    sender: str
    key_id: str | None
    dataset: str
    content_type: str
    encoding: str
    digest: bytes
    samples: int
    lanes: Sequence[int]
    body: bytes


class Claimed(NamedTuple):
    """A request that this process may process for some time; see :class:`Waiting`.

    :param attempts: including this one. Another process that claims it continues the count.
    """

    id: int
    account_id: int
    received_at: datetime
    sender: str
    key_id: str | None
    dataset: str
    content_type: str
    encoding: str
    digest: bytes
    body: bytes
    lanes: Sequence[int]
    attempts: int


def _cursor() -> Any:
    return db.session.connection().connection.cursor()


def add(waiting: Waiting) -> int:
    """Put a request at the end of its lanes and return its receipt's id; the caller commits."""
    cursor = _cursor()
    cursor.execute(_ADD, (*waiting[:-2], list(waiting.lanes), waiting.body))
    receipt_id: int = cursor.fetchone()[0]
    return receipt_id


def claim(most: int, lease: timedelta) -> list[Claimed]:
    """Claim requests that are first in all their lanes and due; the caller commits.

    :param lease: after which others may claim them.
    :returns: in the order of their turns.
    """
    cursor = _cursor()
    values = {"longest": LONGEST_WAIT, "most": most, "lease": lease}
    cursor.execute(_READY + _CLAIM, values)
    found = [Claimed(*row[2:]) for row in sorted(cursor, key=lambda row: row[:3])]
    return [c._replace(digest=bytes(c.digest), body=bytes(c.body)) for c in found]


def hold(claimed: Claimed, lock_timeout: float, statement_timeout: float) -> None:
    """Lock a claimed request and its lanes until the end of the transaction.

    A request of many lanes locks all of its organisation's at once.

    :param lock_timeout: of the transaction's statements [s].
    :param statement_timeout: likewise.
    :raises NotHeld: when another process has it or one of its lanes; or when it is not the
        first any more, because an earlier one was committed late.
    """
    cursor = _cursor()
    cursor.execute(_LIMIT, [f"{x * 1000:.0f}ms" for x in (lock_timeout, statement_timeout)])
    if lock_lanes(cursor, claimed.account_id, claimed.lanes):
        cursor.execute(_HOLD, (claimed.id, claimed.attempts))
        if cursor.fetchone():
            return
    raise NotHeld(f"Another worker processes request {claimed.id}, or one before it.")


def remove(journal_id: int) -> None:
    """Remove a request whose receipt is written; the caller commits."""
    db.session.execute(sa.delete(journal).where(journal.c.id == journal_id))


def give_back(claimed: Claimed, wait: timedelta, error: str | None = None) -> None:
    """Release a claimed request for a retry after a time; the caller commits.

    :param error: why it could not be stored; None if it was not tried, which does not count.
    """
    values: dict[str, Any] = {"state": "waiting", "retry_at": sa.func.now() + wait}
    values |= {"last_error": error} if error else {"attempts": claimed.attempts - 1}
    db.session.execute(_still(claimed).values(**values))


def set_aside(claimed: Claimed, error: str | None) -> None:
    """Take a claimed request out of its lanes: nothing waits for it; the caller commits.

    :param error: why it could not be stored; None keeps the earlier one.
    """
    error_text = sa.func.coalesce(error, journal.c.last_error, "The worker died each time.")
    query = _still(claimed).values(state="failed", last_error=error_text).returning(journal.c.id)
    for journal_id in db.session.scalars(query).all():
        _cursor().execute("DELETE FROM pms_journal_lane WHERE journal_id = %s", (journal_id,))


def _still(claimed: Claimed) -> sa.Update:
    return sa.update(journal).where(
        journal.c.id == claimed.id, journal.c.attempts == claimed.attempts
    )


def next_retry() -> timedelta | None:
    """Return the time until a request that is first in its lanes is due, or None."""
    cursor = _cursor()
    cursor.execute(_READY + _NEXT_RETRY, (LONGEST_WAIT,))
    (seconds,) = cursor.fetchone()
    return None if seconds is None else timedelta(seconds=max(0, seconds))


def requeue(account_id: int | None, ids: Collection[int] | None) -> list[int]:
    """Put failed requests back into their places in the lanes; the caller commits.

    :param ids: of receipts; None for all.
    """
    cursor = _cursor()
    cursor.execute(_REQUEUE, {"account": account_id, "ids": None if ids is None else list(ids)})
    return [row[0] for row in cursor]


def count(account_id: int, most: int) -> int:
    """Count an organisation's requests in the journal, up to a number."""
    some = sa.select(journal.c.id).where(journal.c.account_id == account_id).limit(most)
    return db.session.scalar(sa.select(sa.func.count()).select_from(some.subquery())) or 0


# All columns except the body, which may be large.
_SHOWN = [column for column in journal.c if column.name != "body"]


def find(journal_id: int) -> Row[Any] | None:
    """Return a request in the journal, with no access check: the caller does that."""
    query = sa.select(*_SHOWN).where(journal.c.id == journal_id)
    found: Row[Any] | None = db.session.execute(query).one_or_none()
    return found


def listed(account_id: int | None, *, state: str | None, limit: int) -> list[Row[Any]]:
    """Return requests in the journal, oldest first, of one organisation or of all."""
    query = sa.select(*_SHOWN, sa.func.length(journal.c.body).label("bytes"))
    query = query.order_by(journal.c.id).limit(limit)
    if account_id is not None:
        query = query.where(journal.c.account_id == account_id)
    if state is not None:
        query = query.where(journal.c.state == state)
    return list(db.session.execute(query))


def counted(account_id: int, most: int) -> dict[str, int]:
    """Return how many requests are in each state, counting up to a number, failed ones first."""
    mine = sa.select(journal.c.state).where(journal.c.account_id == account_id)
    some = mine.order_by(journal.c.state).limit(most).subquery()
    found = sa.select(some.c.state, sa.func.count()).group_by(some.c.state)
    return dict(db.session.execute(found).tuples().all())


def summary(account_id: int | None, keys: Collection[str] | None = None) -> list[Row[Any]]:
    """Return how many requests and samples there are by organisation and state, since when.

    :param keys: only those that came with one of these keys of a gateway.
    """
    c = journal.c
    query = (
        sa.select(
            c.account_id, c.state, sa.func.count().label("requests"),
            sa.func.sum(c.samples).label("samples"), sa.func.min(c.received_at).label("since"),
        )
        .group_by(c.account_id, c.state)
        .order_by(c.account_id, c.state)
    )  # fmt: skip
    if account_id is not None:
        query = query.where(c.account_id == account_id)
    if keys is not None:
        query = query.where(c.key_id.in_(keys))
    return list(db.session.execute(query))
