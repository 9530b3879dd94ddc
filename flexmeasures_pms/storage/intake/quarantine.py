"""The quarantine: samples that can't be stored, kept until they can be or are discarded.

Each has the text of the one sample as a separate request body, so that a replay uses the same
pipeline again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from flexmeasures.data import db
from sqlalchemy import ColumnElement, Text, any_, delete, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.engine import Row

from flexmeasures_pms import identifiers
from flexmeasures_pms.catalogue.asset_types import DatasetName
from flexmeasures_pms.errors import Problem, StorageBusy
from flexmeasures_pms.storage.tables import quarantine

_BATCH = 500


@dataclass(frozen=True, slots=True)
class QuarantinedSample:
    """One sample for the quarantine.

    :param text: the sample as a separate request body.
    :param pack_id: as sent; compared by its board spelling.
    """

    dataset: DatasetName
    content_type: str
    problem: Problem
    device_id: str | None
    pack_id: str | None
    event_time: datetime | None
    text: str


def keep(account_id: int, samples: Sequence[QuarantinedSample], *, sender: str, room: int) -> None:
    """Put samples into quarantine; one that is already there stays unchanged.

    :param sender: whose credentials sent them.
    :param room: most samples that may wait for the organisation.
    :raises StorageBusy: when they do not fit.
    """
    if not samples:
        return
    rows = {row["digest"]: row for row in (_row(account_id, kept, sender) for kept in samples)}
    in_order = [rows[digest] for digest in sorted(rows)]
    db.session.execute(insert(quarantine).on_conflict_do_nothing(), in_order)
    if _count_waiting(account_id, room + 1) > room:
        raise StorageBusy(
            f"The quarantine of the organisation is full ({room} samples). Nothing of this "
            "request was stored. Register what is missing, or discard samples, then send it again."
        )


def _row(account_id: int, kept: QuarantinedSample, sender: str) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "dataset": kept.dataset,
        "content_type": kept.content_type,
        "reason": kept.problem.code,
        "path": kept.problem.path,
        "message": kept.problem.message,
        "device_id": kept.device_id and identifiers.key(kept.device_id),
        "pack_id": kept.pack_id and identifiers.board_key(kept.pack_id),
        "event_time": kept.event_time,
        # PostgreSQL's text can contain every character except NUL.
        "text": kept.text.replace("\x00", "\ufffd"),
        "digest": sha256(kept.text.encode("utf-8", "surrogatepass")).digest(),
        "sender": sender,
    }


def _waiting(account_id: int) -> tuple[ColumnElement[bool], ...]:
    return (quarantine.c.account_id == account_id, quarantine.c.discarded_at.is_(None))


def _count_waiting(account_id: int, most: int) -> int:
    some = select(quarantine.c.id).where(*_waiting(account_id)).limit(most).subquery()
    return db.session.scalar(select(func.count()).select_from(some)) or 0


def organisations() -> list[int]:
    """Return the organisations with samples in quarantine."""
    query = select(quarantine.c.account_id).distinct().order_by(quarantine.c.account_id)
    return list(db.session.scalars(query))


def listed(account_id: int, *, discarded: bool = False) -> Iterator[Row[Any]]:
    """Yield the samples of an organisation in quarantine, oldest receipt first.

    :param discarded: those that were discarded, instead of those that wait.
    """
    which = quarantine.c.discarded_at.is_not(None) if discarded else _waiting(account_id)[1]
    yield from db.session.execute(
        select(quarantine)
        .where(quarantine.c.account_id == account_id, which)
        .order_by(quarantine.c.id)
        .execution_options(yield_per=_BATCH)
    )


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
        query = query.where(quarantine.c.id.in_(ids))
    return list(db.session.scalars(query.order_by(quarantine.c.event_time, quarantine.c.id)))


def locked(account_id: int, ids: Sequence[int]) -> list[Row[Any]]:
    """Return waiting samples by id, in the order given, so that no one else replays them.

    Those that another replay processes, or has just stored, are left out.
    """
    rows = db.session.execute(
        select(quarantine)
        .where(*_waiting(account_id), quarantine.c.id.in_(ids))
        .with_for_update(skip_locked=True)
    )
    found = {row.id: row for row in rows}
    return [found[i] for i in ids if i in found]


def release(ids: Collection[int]) -> None:
    """Remove samples from quarantine: they are stored now."""
    if ids:
        db.session.execute(delete(quarantine).where(quarantine.c.id.in_(ids)))


def restate(entry_id: int, problem: Problem) -> None:
    """Record why a sample still can't be stored."""
    db.session.execute(
        update(quarantine)
        .where(quarantine.c.id == entry_id)
        .values(reason=problem.code, message=problem.message)
    )


def discard(account_id: int, ids: Collection[int], *, author: str, note: str) -> list[int]:
    """Mark waiting samples as discarded, with a reason; their text is kept.

    :returns: the ids that were discarded.
    """
    return list(
        db.session.scalars(
            update(quarantine)
            .where(*_waiting(account_id), quarantine.c.id.in_(ids))
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
