"""The quarantine: samples that can't be stored, kept until they can be or are discarded.

Each has the text of the one sample as a separate request body, so that a replay uses the same
pipeline again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from operator import itemgetter
from typing import Any

from flexmeasures.data import db
from sqlalchemy import ColumnElement, Text, any_, delete, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, insert
from sqlalchemy.engine import Row

from flexmeasures_pms import identifiers
from flexmeasures_pms.catalogue.asset_types import DatasetName
from flexmeasures_pms.errors import Problem
from flexmeasures_pms.storage.intake import heads
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

    :param text: the sample as a separate request body, without ``head``.
    :param head: with what that begins, which many samples have in common.
    :param pack_id: as sent; compared by its board spelling.
    """

    dataset: DatasetName
    content_type: str
    problem: Problem
    device_id: str | None
    pack_id: str | None
    event_time: datetime | None
    text: str
    head: str = ""


def keep(
    account_id: int, samples: Sequence[QuarantinedSample], *, sender: str, bounds: Bounds | None
) -> dict[int, BoundUse]:
    """Put samples into quarantine, in their order, as far as they fit.

    One that is already there, waiting or discarded, stays unchanged and needs no room.

    :param sender: whose credentials sent them.
    :param bounds: how much may wait for the organisation; None keeps all.
    :returns: for each sample that was not kept, by its position, which bound is full.
    """
    if not samples:
        return {}
    apart = _Heads()
    rows = [_row(account_id, kept, sender, apart) for kept in samples]
    there = _there(account_id, rows)
    if all(row["digest"] in there for row in rows):
        return {}
    paid = heads.kept(account_id, apart.texts.keys()).keys()
    refused, new = _taken(account_id, rows, bounds, there, apart, set(paid))
    if new:
        used = {row["head"]: apart.texts[row["head"]] for row in new if row["head"]}
        numbers = heads.keep(account_id, used)
        for row in new:
            row["head_id"] = numbers.get(row.pop("head"))
        in_order = sorted(new, key=itemgetter("digest"))
        db.session.execute(insert(quarantine).on_conflict_do_nothing(), in_order)
    return refused


class _Heads:
    """The heads of a request's samples, each looked at once."""

    def __init__(self) -> None:
        self.texts: dict[bytes, str] = {}
        self.sizes: dict[bytes, int] = {}
        self._known: dict[str, tuple[bytes | None, Any]] = {}

    def of(self, head: str) -> tuple[bytes | None, Any]:
        """Return the digest of a head that is kept apart, if it is, and a hash to go on with."""
        known = self._known.get(head)
        if known is None:
            sent = head.encode("utf-8", "surrogatepass")
            digest = None
            if len(sent) >= heads.SHORTEST:
                digest = heads.digest_of(head)
                self.texts[digest] = text = _storable(head)
                self.sizes[digest] = _size(text)
            known = self._known[head] = digest, sha256(sent)
        return known


def _taken(
    account_id: int,
    rows: Sequence[dict[str, Any]],
    bounds: Bounds | None,
    there: set[bytes],
    apart: _Heads,
    paid: set[bytes],
) -> tuple[dict[int, BoundUse], list[dict[str, Any]]]:
    """Return which rows find no room, and those that are new and do.

    :param paid: heads that are there. The first sample of another takes its room as well.
    """
    waiting = {} if bounds is None else waiting_by_device([account_id])[account_id]
    room = None if bounds is None else Room(bounds, waiting)
    refused: dict[int, BoundUse] = {}
    new: list[dict[str, Any]] = []
    for i, row in enumerate(rows):
        if row["digest"] in there:
            continue
        head = row["head"]
        size = row["size"] + (0 if head is None or head in paid else apart.sizes[head])
        full = room.take(row["device_id"], size) if room else None
        if full is None:
            there.add(row["digest"])
            paid.add(head)
            new.append(row | {"size": size})
        else:
            refused[i] = full
    return refused, new


def _there(account_id: int, rows: Sequence[dict[str, Any]]) -> set[bytes]:
    """Return which of these texts are in quarantine. All are of one dataset."""
    q = quarantine.c
    query = select(q.digest).where(
        q.account_id == account_id,
        q.dataset == rows[0]["dataset"],
        q.digest == any_(literal([row["digest"] for row in rows], ARRAY(BYTEA))),
    )
    return {bytes(digest) for digest in db.session.scalars(query)}


def _storable(text: str) -> str:
    # PostgreSQL's text can contain every character except NUL.
    return text.replace("\x00", "\ufffd")


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _row(account_id: int, kept: QuarantinedSample, sender: str, apart: _Heads) -> dict[str, Any]:
    head, begun = apart.of(kept.head)
    digest = begun.copy()
    digest.update(kept.text.encode("utf-8", "surrogatepass"))
    text = _storable(kept.text if head else kept.head + kept.text)
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
        "head": head,
        "size": _size(text),
        "digest": digest.digest(),
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
        select(*heads.COLUMNS)
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
        select(*heads.COLUMNS)
        .where(*_waiting(account_id), quarantine.c.id.in_(ids))
        .with_for_update(skip_locked=True, of=quarantine)
    )
    found = {row.id: row for row in rows}
    return [found[i] for i in ids if i in found]


def release(ids: Collection[int]) -> None:
    """Remove samples from quarantine: they are stored now."""
    if ids:
        gone = delete(quarantine).where(quarantine.c.id.in_(ids)).returning(quarantine.c.head_id)
        heads.remove_unused(head for head in db.session.scalars(gone) if head is not None)


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
