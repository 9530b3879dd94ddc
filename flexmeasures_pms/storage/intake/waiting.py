"""Queries of the quarantine: grouped by reason, searched, a page at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from flexmeasures.data import db
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Row

from flexmeasures_pms.storage.intake.heads import COLUMNS
from flexmeasures_pms.storage.tables import quarantine

By = Literal["reason", "pack_id", "device_id", "sender", "dataset"]
"""What samples can be grouped by."""

_BATCH = 500


@dataclass(frozen=True, slots=True)
class QuarantineFilter:
    """A filter for an organisation's quarantine.

    :param discarded: those that were discarded, instead of those that wait.
    :param reason: the code of the reason.
    :param text: part of the id of the pack or device, the message or the sender.
    :param among: values of which each of these is one; ids as they are compared.
    """

    account_id: int
    discarded: bool = False
    reason: str | None = None
    text: str = ""
    among: Mapping[By, Collection[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Group:
    """The samples that have a value in common.

    :param value: a reason, unless they are grouped by something else; None for those without.
    :param size: of their texts [bytes].
    :param oldest: when the first of them was received; ``newest`` the last.
    """

    value: str | None
    samples: int
    size: int
    oldest: datetime
    newest: datetime


def groups(sought: QuarantineFilter, by: By = "reason", *, limit: int | None = None) -> list[Group]:
    """Return the reasons, or other groups, those of most samples first."""
    q = quarantine.c
    query = (
        sa.select(
            q[by],
            sa.func.count().label("samples"),
            sa.func.sum(q.size),
            sa.func.min(q.received_at),
            sa.func.max(q.received_at),
        )
        .where(*_conditions(sought))
        .group_by(q[by])
        .order_by(sa.desc("samples"), q[by])
        .limit(limit)
    )
    return [
        Group(value, samples, int(size), oldest, newest)
        for value, samples, size, oldest, newest in db.session.execute(query)
    ]


def number(sought: QuarantineFilter, by: By | None = None) -> int:
    """Return how many samples there are, or how many groups."""
    rows = sa.select(quarantine.c[by]).distinct() if by else sa.select(quarantine.c.id)
    counted = sa.select(sa.func.count()).select_from(rows.where(*_conditions(sought)).subquery())
    return db.session.scalar(counted) or 0


def up_to(account_id: int, most: int) -> int:
    """Return how many samples of an organisation wait, counted only up to a number."""
    waits = sa.select(quarantine.c.id).where(*_conditions(QuarantineFilter(account_id)))
    counted = sa.select(sa.func.count()).select_from(waits.limit(most).subquery())
    return db.session.scalar(counted) or 0


def oldest_first(sought: QuarantineFilter, limit: int | None = None) -> Iterator[Row[Any]]:
    """Yield samples, the first received first, some at a time."""
    query = sa.select(*COLUMNS).where(*_conditions(sought)).order_by(quarantine.c.id).limit(limit)
    yield from db.session.execute(query.execution_options(yield_per=_BATCH))


def listed(sought: QuarantineFilter, *, limit: int, before: int | None = None) -> list[Row[Any]]:
    """Return samples, the last received first.

    :param before: only those with a smaller number.
    """
    query = (
        sa.select(*COLUMNS)
        .where(*_conditions(sought))
        .order_by(quarantine.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(quarantine.c.id < before)
    return list(db.session.execute(query))


def numbers(
    sought: QuarantineFilter, *, limit: int | None = None, among: Collection[int] | None = None
) -> list[int]:
    """Return the numbers of samples in the order of their event time, all or the first few.

    :param among: only those with one of these numbers.
    """
    q = quarantine.c
    query = sa.select(q.id).where(*_conditions(sought)).order_by(q.event_time, q.id).limit(limit)
    if among is not None:
        query = query.where(q.id == sa.any_(sa.literal(list(among), ARRAY(sa.BigInteger))))
    return list(db.session.scalars(query))


def one(account_id: int, number: int) -> Row[Any] | None:
    """Return one sample of an organisation, waiting or discarded."""
    q = quarantine.c
    query = sa.select(*COLUMNS).where(q.account_id == account_id, q.id == number)
    found: Row[Any] | None = db.session.execute(query).one_or_none()
    return found


def _conditions(sought: QuarantineFilter) -> list[sa.ColumnElement[bool]]:
    q = quarantine.c
    found = [
        q.account_id == sought.account_id,
        q.discarded_at.is_not(None) if sought.discarded else q.discarded_at.is_(None),
    ]
    if sought.reason:
        found.append(q.reason == sought.reason)
    found += (q[name].in_(values) for name, values in sought.among.items())
    if sought.text:
        # PostgreSQL's text can't contain NUL: no sample has one.
        text = sought.text.replace("\x00", "")
        columns = (q.pack_id, q.device_id, q.message, q.sender)
        found.append(sa.or_(*(column.icontains(text, autoescape=True) for column in columns)))
    return found
