"""The quarantine: samples that can't be stored, kept until they can be or are discarded.

Each has the text of the one sample as a separate request body, so that a replay uses the same
pipeline again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from flexmeasures.data import db
from sqlalchemy import (
    ColumnElement,
    Text,
    any_,
    delete,
    func,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, insert
from sqlalchemy.engine import Row

from flexmeasures_pms import identifiers
from flexmeasures_pms.catalogue.asset_types import DatasetName
from flexmeasures_pms.errors import Problem
from flexmeasures_pms.storage.intake.quarantine_room import (
    Bounds,
    BoundUse,
    Room,
    waiting_by_device,
)
from flexmeasures_pms.storage.tables import quarantine

_BATCH = 500

WAITS = " The sample waits in quarantine."
"""The end of a problem's message, where the sample is kept."""


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


_insert = insert(quarantine)
# Who discarded it, and why, stays beside it.
_KEEP = _insert.on_conflict_do_update(
    constraint="pms_quarantine_digest_key",
    set_={name: _insert.excluded[name] for name in ("reason", "path", "message", "sender")}
    | {"received_at": func.clock_timestamp(), "discarded_at": null()},
    where=quarantine.c.discarded_at.is_not(None),
)

# The first of two numbers of the advisory lock of those who replay or discard an organisation's
# samples. The second is the organisation.
_LOCK = 0x504D51


def keep(
    account_id: int, samples: Sequence[QuarantinedSample], *, sender: str, bounds: Bounds | None
) -> dict[int, BoundUse]:
    """Put samples into quarantine, in their order, as far as they fit.

    One that waits already stays unchanged and needs no room. One that was discarded waits again,
    with its reason of now.

    :param sender: whose credentials sent them.
    :param bounds: how much may wait for the organisation; None keeps all.
    :returns: for each sample that was not kept, by its position, which bound is full.
    """
    if not samples:
        return {}
    rows = [_row(account_id, kept, sender) for kept in samples]
    refused = {} if bounds is None else _refused(account_id, rows, bounds)
    kept = {row["digest"]: row for i, row in enumerate(rows) if i not in refused}
    if kept:
        in_order = [kept[digest] for digest in sorted(kept)]
        db.session.execute(_KEEP, in_order)
    return refused


def _refused(
    account_id: int, rows: Sequence[dict[str, Any]], bounds: Bounds
) -> dict[int, BoundUse]:
    there = _there(account_id, rows)
    if all(row["digest"] in there for row in rows):
        return {}
    room = Room(bounds, waiting_by_device([account_id])[account_id])
    refused: dict[int, BoundUse] = {}
    for i, row in enumerate(rows):
        if row["digest"] in there:
            continue
        full = room.take(row["device_id"], row["size"])
        if full is None:
            there.add(row["digest"])
        else:
            refused[i] = full
    return refused


def _there(account_id: int, rows: Sequence[dict[str, Any]]) -> set[bytes]:
    """Return which of these texts wait in quarantine. All are of one dataset."""
    q = quarantine.c
    query = select(q.digest).where(
        *_waiting(account_id),
        q.dataset == rows[0]["dataset"],
        q.digest == any_(literal([row["digest"] for row in rows], ARRAY(BYTEA))),
    )
    return {bytes(digest) for digest in db.session.scalars(query)}


def _row(account_id: int, kept: QuarantinedSample, sender: str) -> dict[str, Any]:
    # PostgreSQL's text can contain every character except NUL.
    text = kept.text.replace("\x00", "\ufffd")
    return {
        "account_id": account_id,
        "dataset": kept.dataset,
        "content_type": kept.content_type,
        "reason": kept.problem.code,
        "path": kept.problem.path,
        "message": kept.problem.message,
        "device_id": (kept.device_id and identifiers.key(kept.device_id)) or None,
        "pack_id": kept.pack_id and identifiers.board_key(kept.pack_id),
        "event_time": kept.event_time,
        "text": text,
        "size": len(text.encode("utf-8", "surrogatepass")),
        "digest": sha256(kept.text.encode("utf-8", "surrogatepass")).digest(),
        "sender": sender,
    }


def _waiting(account_id: int) -> tuple[ColumnElement[bool], ...]:
    return (quarantine.c.account_id == account_id, quarantine.c.discarded_at.is_(None))


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


def reserved(account_id: int, ids: Sequence[int]) -> list[Row[Any]]:
    """Return waiting samples by id, in the order given; only the caller may change them.

    Nobody else replays or discards samples of the organisation until the transaction ends.
    """
    _lock(account_id)
    rows = db.session.execute(
        select(quarantine).where(*_waiting(account_id), quarantine.c.id.in_(ids))
    )
    found = {row.id: row for row in rows}
    return [found[i] for i in ids if i in found]


def _lock(account_id: int) -> None:
    db.session.execute(select(func.pg_advisory_xact_lock(_LOCK, account_id)))


def end_replay(account_id: int, released: Collection[int], restated: Mapping[int, Problem]) -> None:
    """Remove reserved samples that are stored now, and record why others still can't be."""
    _take_rows(account_id, {*released, *restated})
    if released:
        db.session.execute(delete(quarantine).where(quarantine.c.id.in_(released)))
    for entry_id, problem in restated.items():
        db.session.execute(
            update(quarantine)
            .where(quarantine.c.id == entry_id)
            .values(reason=problem.code, message=problem.message)
        )


def _take_rows(account_id: int, ids: Collection[int]) -> None:
    """Lock rows in the order in which samples are put into quarantine."""
    q = quarantine.c
    query = select(q.id).where(q.account_id == account_id, q.id.in_(ids))
    db.session.execute(query.order_by(q.dataset, q.digest).with_for_update())


def discard(account_id: int, ids: Collection[int], *, author: str, note: str) -> list[int]:
    """Mark waiting samples as discarded, with a reason; their text is kept.

    The caller commits. Nobody replays samples of the organisation until then.

    :returns: the ids that were discarded.
    """
    _lock(account_id)
    _take_rows(account_id, ids)
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
