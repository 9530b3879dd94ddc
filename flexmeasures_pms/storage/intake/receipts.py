"""The receipt log: one row for each accepted request, written with its beliefs.

The same statement writes the stored and refused samples of each device and hour.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from flexmeasures.data import db
from sqlalchemy.engine import Row

from flexmeasures_pms.storage.tables import receipt

_ADD = """
    WITH added AS (
      INSERT INTO pms_receipt (
        id, account_id, received_at, sender, key_id, dataset, digest, duration_ms, details,
        samples, stored, duplicate, quarantined, no_answer, refused, faulty, late, beliefs
      ) VALUES (
        coalesce(%s, nextval(pg_get_serial_sequence('pms_receipt', 'id'))),
        %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s
      ) RETURNING id
    ), hours AS (
      INSERT INTO pms_receipt_hour (receipt_id, device_id, hour, samples, packs, refused)
      SELECT added.id, h.*
      FROM added,
        unnest(%s::bigint[], %s::timestamptz[], %s::int[], %s::bigint[], %s::int[]) AS h
    )
    SELECT id FROM added"""


class Logged(NamedTuple):
    """A request in the log.

    :param sender: whose credentials sent it: ``gateway:North mast`` or ``user:7``.
    :param key_id: which of a gateway's keys.
    :param digest: SHA-256 of the body.
    :param counts: in the order of :data:`~flexmeasures_pms.storage.tables.COUNTS`.
    :param duration_ms: from receipt until just before the commit.
    :param details: the rest of the reply as compressed JSON, for queued requests.
    :param id: if the receipt already has one.
    """

    account_id: int
    received_at: datetime
    sender: str
    key_id: str | None
    dataset: str
    digest: bytes
    duration_ms: int
    details: bytes | None
    counts: Sequence[int]
    id: int | None = None


def add(logged: Logged, hours: Iterable[tuple[int, datetime, int, int, int]]) -> int:
    """Write a request into the log and return its id; the caller commits.

    :param hours: device, hour, samples stored, a bit for each pack that reported, and samples
        refused.
    """
    columns = [list(column) for column in zip(*hours, strict=True)] or [[], [], [], [], []]
    cursor = db.session.connection().connection.cursor()
    cursor.execute(_ADD, (logged.id, *logged[:-2], *logged.counts, *columns))
    receipt_id: int = cursor.fetchone()[0]
    return receipt_id


def listed(
    account_id: int | None,
    *,
    limit: int,
    before: int | None = None,
    since: datetime | None = None,
    sender: str | None = None,
    key: str | None = None,
    keys: Collection[str] | None = None,
    dataset: str | None = None,
) -> list[Row[Any]]:
    """Return receipts, newest first, of one organisation or of all.

    :param before: only those with a smaller id.
    :param since: only those received then or later.
    :param sender: only those of one sender.
    :param key: only those that came with one of a gateway's keys.
    :param keys: only those that came with one of several.
    """
    columns = (column for column in receipt.c if column.name != "details")
    query = sa.select(*columns).order_by(receipt.c.id.desc()).limit(limit)
    if account_id is not None:
        query = query.where(receipt.c.account_id == account_id)
    if before is not None:
        query = query.where(receipt.c.id < before)
    if since is not None:
        query = query.where(receipt.c.received_at >= since)
    if sender is not None:
        query = query.where(receipt.c.sender == sender)
    if key is not None:
        query = query.where(receipt.c.key_id == key)
    if keys is not None:
        query = query.where(receipt.c.key_id.in_(keys))
    if dataset is not None:
        query = query.where(receipt.c.dataset == dataset)
    return list(db.session.execute(query))


def received_since(account_id: int, since: datetime, most: int) -> int:
    """Return how many of the last receipts of an organisation were received since a time.

    :param most: how many are looked at: it is not counted further.
    """
    newest = (
        sa.select(receipt.c.received_at)
        .where(receipt.c.account_id == account_id)
        .order_by(receipt.c.id.desc())
        .limit(most)
        .subquery()
    )
    counted = sa.select(sa.func.count()).where(newest.c.received_at >= since)
    return db.session.scalar(counted) or 0


def find(receipt_id: int) -> Row[Any] | None:
    """Return a receipt by its id, with no access check: the caller does that."""
    query = sa.select(receipt).where(receipt.c.id == receipt_id)
    found: Row[Any] | None = db.session.execute(query).one_or_none()
    return found


def purge(before: datetime, most: int) -> int:
    """Delete the oldest receipts, with their hours; the caller commits.

    Rows that another process has locked are skipped.

    :param before: earlier ones are deleted.
    :returns: how many were deleted.
    """
    # A receipt that was written late, because its request waited, is kept as long as others.
    waited = receipt.c.duration_ms * timedelta(milliseconds=1)
    old = (
        sa.select(receipt.c.id)
        .where(receipt.c.received_at < before, receipt.c.received_at + waited < before)
        .order_by(receipt.c.received_at)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    gone = sa.delete(receipt).where(receipt.c.id.in_(old)).returning(receipt.c.id)
    return len(list(db.session.scalars(gone)))
