"""Putting samples into quarantine: each once, as far as there is room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from operator import itemgetter
from typing import Any

from flexmeasures.data import db
from sqlalchemy import any_, func, literal, null, select
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, insert

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


_insert = insert(quarantine)
# Who discarded it, and why, stays beside it.
_KEEP = _insert.on_conflict_do_update(
    constraint="pms_quarantine_digest_key",
    set_={name: _insert.excluded[name] for name in ("reason", "path", "message", "sender")}
    | {"received_at": func.clock_timestamp(), "discarded_at": null()},
    where=quarantine.c.discarded_at.is_not(None),
)

_TOLD = ("reason", "path", "message", "sender", "discarded_by", "note")
_KEEP_DISCARDED = _insert.on_conflict_do_update(
    constraint="pms_quarantine_digest_key",
    set_={name: _insert.excluded[name] for name in (*_TOLD, "discarded_at")}
    | {"received_at": func.clock_timestamp()},
)


def keep_discarded(
    account_id: int, samples: Sequence[QuarantinedSample], *, author: str, note: str
) -> None:
    """Put samples into quarantine as discarded; :func:`.quarantine.hold` comes first.

    One that is there already has this reason from now on. They need no room.

    :param samples: without heads.
    """
    apart = _Heads()
    said = {"discarded_by": author, "note": note, "discarded_at": datetime.now(UTC)}
    rows = [_row(account_id, kept, author, apart) | said for kept in samples]
    for row in rows:
        row["head_id"] = row.pop("head")
    if rows:
        db.session.execute(_KEEP_DISCARDED, sorted(rows, key=itemgetter("dataset", "digest")))


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
        db.session.execute(_KEEP, in_order)
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
    """Return which of these texts wait in quarantine. All are of one dataset."""
    q = quarantine.c
    query = select(q.digest).where(
        q.account_id == account_id,
        q.discarded_at.is_(None),
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
