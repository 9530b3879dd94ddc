"""Packs and devices that report and are not registered: their samples wait in quarantine."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from flexmeasures.data import db

from flexmeasures_pms.storage.intake.heads import WHOLE_TEXT
from flexmeasures_pms.storage.tables import quarantine

MOST = 100
"""How many are returned, those that reported last."""


@dataclass(frozen=True, slots=True)
class WaitingUnknown:
    """A pack or device that reports with an id that is not registered.

    :param reason: ``unknown_pack`` or ``unknown_device``.
    :param device: id of the reporting device as it is compared; None where none was sent.
    :param pack: id of the pack as it is compared; None for a device.
    :param samples: how many of its samples wait in quarantine.
    :param time: of the newest of them.
    :param content_type: of ``text``, the last received sample as a separate request body.
    """

    account_id: int
    reason: str
    dataset: str
    device: str | None
    pack: str | None
    samples: int
    time: datetime | None
    content_type: str
    text: str


def waiting_unknown(
    accounts: Collection[int], device_key: str | None = None
) -> list[WaitingUnknown]:
    """Return the unknown packs and devices of some organisations, the newest first.

    :param device_key: only packs that this device reports, by its id from
        :func:`flexmeasures_pms.identifiers.key`.
    """
    q = quarantine.c
    pack = sa.case((q.reason == "unknown_pack", q.pack_id)).label("pack")
    # Of a gateway whose clock is ahead, when its sample was received.
    time = sa.case((q.event_time > q.received_at, q.received_at), else_=q.event_time)
    newest = sa.func.max(time).label("newest")
    named = {"unknown_pack": q.pack_id, "unknown_device": q.device_id}
    reasons = named if device_key is None else ["unknown_pack"]
    found = (
        sa.select(
            *(q.account_id, q.reason, q.dataset, q.device_id, pack),
            sa.func.count().label("samples"),
            newest,
            sa.func.max(q.id).label("last"),
        )
        .where(
            q.account_id.in_(accounts),
            q.discarded_at.is_(None),
            q.reason.in_(reasons),
            sa.case(*((q.reason == reason, column) for reason, column in named.items())) != "",
        )
        .group_by(q.account_id, q.reason, q.dataset, q.device_id, pack)
        .order_by(newest.desc().nulls_last())
        .limit(MOST)
    )
    if device_key is not None:
        found = found.where(q.device_id == device_key)
    packs = found.subquery()
    columns = [column for column in packs.c if column.name != "last"]
    query = (
        sa.select(*columns, q.content_type, WHOLE_TEXT)
        .join(packs, packs.c.last == q.id)
        .order_by(packs.c.newest.desc().nulls_last(), packs.c.device_id, packs.c.pack)
    )
    return [WaitingUnknown(*row) for row in db.session.execute(query)]
