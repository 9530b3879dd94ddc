"""Queries of the quarantine: grouped by reason, searched, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flexmeasures.data import db
from sqlalchemy.engine import Row

from flexmeasures_pms.storage.intake.heads import COLUMNS
from flexmeasures_pms.storage.tables import quarantine


@dataclass(frozen=True, slots=True)
class QuarantineFilter:
    """A filter for an organisation's quarantine.

    :param discarded: those that were discarded, instead of those that wait.
    :param reason: the code of the reason.
    :param text: part of the id of the pack or device, the message or the sender.
    """

    account_id: int
    discarded: bool = False
    reason: str | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """The samples with one reason.

    :param oldest: when the first of them was received; ``newest`` the last.
    """

    reason: str
    samples: int
    oldest: datetime
    newest: datetime


def groups(sought: QuarantineFilter) -> list[Group]:
    """Return the reasons, those of most samples first."""
    q = quarantine.c
    query = (
        sa.select(
            q.reason,
            sa.func.count().label("samples"),
            sa.func.min(q.received_at),
            sa.func.max(q.received_at),
        )
        .where(*_conditions(sought))
        .group_by(q.reason)
        .order_by(sa.desc("samples"), q.reason)
    )
    return [Group(*row) for row in db.session.execute(query)]


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


def numbers(sought: QuarantineFilter, *, limit: int) -> list[int]:
    """Return the numbers of samples in the order of their event time, the first few."""
    q = quarantine.c
    query = sa.select(q.id).where(*_conditions(sought)).order_by(q.event_time, q.id).limit(limit)
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
    if sought.text:
        # PostgreSQL's text can't contain NUL: no sample has one.
        text = sought.text.replace("\x00", "")
        columns = (q.pack_id, q.device_id, q.message, q.sender)
        found.append(sa.or_(*(column.icontains(text, autoescape=True) for column in columns)))
    return found
