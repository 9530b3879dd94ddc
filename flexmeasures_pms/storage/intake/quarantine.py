"""The quarantine: samples that can't be stored, kept until they can be or are discarded.

Each has the text of the one sample as a separate request body, so that a replay uses the same
pipeline again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from flexmeasures.data import db
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Text,
    any_,
    delete,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Row

from flexmeasures_pms.errors import Problem
from flexmeasures_pms.storage.intake import heads
from flexmeasures_pms.storage.tables import quarantine

WAITS = " The sample waits in quarantine."
"""The end of a problem's message, where the sample is kept."""


# The first of two numbers of the advisory lock of those who replay or discard an organisation's
# samples. The second is the organisation.
_LOCK = 0x504D51


def _waiting(account_id: int, *, discarded: bool = False) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of what waits, or of what was discarded instead."""
    at = quarantine.c.discarded_at
    return (
        quarantine.c.account_id == account_id,
        at.is_not(None) if discarded else at.is_(None),
    )


def _one_of(ids: Collection[int]) -> ColumnElement[bool]:
    return quarantine.c.id == any_(literal(list(ids), ARRAY(BigInteger)))


def organisations() -> list[int]:
    """Return the organisations with samples in quarantine."""
    query = select(quarantine.c.account_id).distinct().order_by(quarantine.c.account_id)
    return list(db.session.scalars(query))


def concerning(account_id: int, keys: Collection[str]) -> list[int]:
    """Return the ids of waiting samples that name one of these ids, in order of event time.

    :param keys: ids of packs or devices as :mod:`flexmeasures_pms.identifiers` compares them.
    """
    named = any_(literal(list(keys), ARRAY(Text)))
    return list(
        db.session.scalars(
            select(quarantine.c.id)
            .where(*_waiting(account_id))
            .where(or_(quarantine.c.pack_id == named, quarantine.c.device_id == named))
            .order_by(quarantine.c.event_time, quarantine.c.id)
        )
    )


def waiting_ids(account_id: int, ids: Collection[int] | None = None) -> list[int]:
    """Return the ids of an organisation's waiting samples, of these or of all."""
    query = select(quarantine.c.id).where(*_waiting(account_id))
    if ids is not None:
        query = query.where(_one_of(ids))
    return list(db.session.scalars(query.order_by(quarantine.c.event_time, quarantine.c.id)))


def reserved(account_id: int, ids: Sequence[int], *, discarded: bool = False) -> list[Row[Any]]:
    """Return waiting samples by id, in the order given; only the caller may change them.

    Nobody else replays or discards samples of the organisation until the transaction ends.

    :param discarded: those that were discarded, instead of those that wait.
    """
    hold(account_id)
    sought = (*_waiting(account_id, discarded=discarded), _one_of(ids))
    rows = db.session.execute(select(*heads.COLUMNS).where(*sought))
    found = {row.id: row for row in rows}
    return [found[i] for i in ids if i in found]


def hold(account_id: int) -> None:
    """Let nobody else replay or discard samples of an organisation until the transaction ends."""
    db.session.execute(select(func.pg_advisory_xact_lock(_LOCK, account_id)))


def end_replay(
    account_id: int, released: Collection[int], restated: Mapping[int, Problem]
) -> set[int]:
    """Remove reserved samples that are stored now, and record why others still can't be.

    :returns: the heads of those that are removed, for :func:`heads.remove_unused` after the
        commit: who keeps a sample locks its head before its row.
    """
    _take_rows(account_id, {*released, *restated})
    gone = delete(quarantine).where(_one_of(released)).returning(quarantine.c.head_id)
    found = {head for head in db.session.scalars(gone) if head is not None} if released else set()
    for entry_id, problem in restated.items():
        db.session.execute(
            update(quarantine)
            .where(quarantine.c.id == entry_id)
            .values(reason=problem.code, message=problem.message)
        )
    return found


def _take_rows(account_id: int, ids: Collection[int]) -> None:
    """Lock rows in the order in which samples are put into quarantine."""
    q = quarantine.c
    query = select(q.id).where(q.account_id == account_id, _one_of(ids))
    db.session.execute(query.order_by(q.dataset, q.digest).with_for_update())


def discard(account_id: int, ids: Collection[int], *, author: str, note: str) -> list[int]:
    """Mark waiting samples as discarded, with a reason; their text is kept.

    The caller commits. Nobody replays samples of the organisation until then.

    :returns: the ids that were discarded.
    """
    hold(account_id)
    _take_rows(account_id, ids)
    return list(
        db.session.scalars(
            update(quarantine)
            .where(*_waiting(account_id), _one_of(ids))
            .values(discarded_at=func.now(), discarded_by=author, note=note)
            .returning(quarantine.c.id)
        )
    )


def reasons_concerning(
    account_id: int, keys: Collection[str]
) -> list[tuple[str, int, datetime | None]]:
    """Return the reasons of waiting samples of some packs: reason, number, newest event time.

    :param keys: pack ids as :mod:`flexmeasures_pms.identifiers` compares boards'.
    """
    rows = db.session.execute(
        select(quarantine.c.reason, func.count(), func.max(quarantine.c.event_time))
        .where(*_waiting(account_id), quarantine.c.pack_id.in_(keys))
        .group_by(quarantine.c.reason)
        .order_by(func.count().desc(), quarantine.c.reason)
    )
    return [(reason, count, newest) for reason, count, newest in rows]
