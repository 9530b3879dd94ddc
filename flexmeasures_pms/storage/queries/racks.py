"""Packs that report to a PMS and are not registered there, for the rack page."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flexmeasures.data import db
from sqlalchemy.engine import Row

from flexmeasures_pms.registry.tables import trackable
from flexmeasures_pms.storage.intake.heads import WHOLE_TEXT
from flexmeasures_pms.storage.tables import latest, quarantine

_MOST_STRANGERS = 100


@dataclass(frozen=True, slots=True)
class WaitingUnknownPack:
    """A pack that reports to a PMS with an id that is not registered.

    :param samples: how many of its samples wait in quarantine.
    :param time: of the newest of them.
    :param content_type: of ``text``, the last received sample as a separate request body.
    """

    ident: str
    samples: int
    time: datetime | None
    content_type: str
    text: str


def reported_here(pms_id: int, registered: Collection[int]) -> list[Row[Any]]:
    """Return the newest readings of cases that a PMS reported last but are not in it.

    :param registered: numbers of the cases that are in it.
    """
    query = (
        sa.select(latest)
        .join(trackable, trackable.c.id == latest.c.trackable_id)
        .where(
            latest.c.device_id == pms_id,
            trackable.c.kind == "case",
            latest.c.trackable_id.not_in(registered),
        )
        .order_by(latest.c.event_time.desc())
        .limit(_MOST_STRANGERS)
    )
    return list(db.session.execute(query))


def waiting_unknown_packs(account_id: int, device_key: str) -> list[WaitingUnknownPack]:
    """Return the unknown packs whose samples from a PMS wait in quarantine, newest first.

    :param device_key: the PMS's id from :func:`flexmeasures_pms.identifiers.key`.
    """
    q = quarantine.c
    packs = (
        sa.select(
            sa.func.max(q.id).label("last"),
            sa.func.count().label("samples"),
            # Of a gateway whose clock is ahead, when its sample was received.
            sa.func.max(
                sa.case((q.event_time > q.received_at, q.received_at), else_=q.event_time)
            ).label("newest"),
        )
        .where(
            q.account_id == account_id,
            q.discarded_at.is_(None),
            q.reason == "unknown_pack",
            q.device_id == device_key,
        )
        .group_by(q.pack_id)
        .order_by(sa.func.max(q.event_time).desc().nulls_last())
        .limit(_MOST_STRANGERS)
        .subquery()
    )
    query = (
        sa.select(q.pack_id, packs.c.samples, packs.c.newest, q.content_type, WHOLE_TEXT)
        .join(packs, packs.c.last == q.id)
        .order_by(packs.c.newest.desc().nulls_last(), q.pack_id)
    )
    return [WaitingUnknownPack(*row) for row in db.session.execute(query) if row.pack_id]
