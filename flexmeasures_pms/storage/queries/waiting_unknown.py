"""Packs and devices that report and are not registered: their samples wait in quarantine."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flexmeasures.data import db

from flexmeasures_pms.storage.intake.heads import WHOLE_TEXT
from flexmeasures_pms.storage.tables import quarantine

MOST = 100
"""How many are returned of an organisation, those that reported last."""
REASONS = ("unknown_pack", "unknown_device")


@dataclass(frozen=True, slots=True)
class WaitingUnknown:
    """A pack or device that reports with an id that is not registered.

    :param reason: ``unknown_pack`` or ``unknown_device``.
    :param device: id of the reporting device as it is compared; None where none was sent.
    :param pack: id of the pack as it is compared; None for a device.
    :param samples: how many of its samples wait in quarantine.
    :param time: of the newest of them.
    :param of_account: how many there are of the organisation, with those not returned.
    :param of_device: how many unknown packs the device reports, likewise.
    :param content_type: of ``text``, the last received sample as a separate request body.
    """

    account_id: int
    reason: str
    dataset: str
    device: str | None
    pack: str | None
    samples: int
    time: datetime | None
    of_account: int
    of_device: int
    content_type: str
    text: str


def waiting_unknown(
    accounts: Collection[int], devices: Collection[str] | None = None, *, most: int = MOST
) -> list[WaitingUnknown]:
    """Return the unknown packs and devices of some organisations, the newest first.

    Of each device that reports unknown packs the newest of them is always there.

    :param devices: only packs that these devices report, by their ids from
        :func:`flexmeasures_pms.identifiers.key`.
    :param most: of each organisation.
    """
    q, found = quarantine.c, _grouped(accounts, devices).subquery()
    own = [found.c.account_id, found.c.reason, found.c.device_id]
    order = (found.c.newest.desc().nulls_last(), found.c.device_id, found.c.pack)
    ranked = sa.select(
        *found.c,
        sa.func.count().over(partition_by=found.c.account_id).label("of_account"),
        sa.func.count().over(partition_by=own).label("of_device"),
        sa.func.row_number().over(partition_by=found.c.account_id, order_by=order).label("nth"),
        sa.func.row_number().over(partition_by=own, order_by=order).label("nth_of_device"),
    ).subquery()
    r = ranked.c
    query = (
        sa.select(
            *(r.account_id, r.reason, r.dataset, r.device_id, r.pack, r.samples, r.newest),
            *(r.of_account, r.of_device, q.content_type, WHOLE_TEXT),
        )
        .join(ranked, r.last == q.id)
        .where((r.nth <= most) | ((r.reason == "unknown_pack") & (r.nth_of_device == 1)))
        .order_by(r.newest.desc().nulls_last(), r.device_id, r.pack)
    )
    return [WaitingUnknown(*row) for row in db.session.execute(query)]


def _grouped(accounts: Collection[int], devices: Collection[str] | None) -> sa.Select[Any]:
    """Return a query for one row of each unknown pack and device."""
    q = quarantine.c
    pack = sa.case((q.reason == "unknown_pack", q.pack_id)).label("pack")
    # Of a gateway whose clock is ahead, when its sample was received.
    time = sa.case((q.event_time > q.received_at, q.received_at), else_=q.event_time)
    named = sa.case((q.reason == "unknown_pack", q.pack_id), else_=q.device_id)
    found = (
        sa.select(
            *(q.account_id, q.reason, q.dataset, q.device_id, pack),
            sa.func.count().label("samples"),
            sa.func.max(time).label("newest"),
            sa.func.max(q.id).label("last"),
        )
        .where(
            q.account_id.in_(accounts),
            q.discarded_at.is_(None),
            q.reason.in_(REASONS if devices is None else REASONS[:1]),
            named != "",
        )
        .group_by(q.account_id, q.reason, q.dataset, q.device_id, pack)
    )
    return found if devices is None else found.where(q.device_id.in_(devices))
