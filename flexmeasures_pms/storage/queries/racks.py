"""Packs that report to a PMS and are registered elsewhere, for the rack page."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from flexmeasures.data import db
from sqlalchemy.engine import Row

from flexmeasures_pms.registry.tables import installation, trackable
from flexmeasures_pms.storage.tables import latest

_MOST_STRANGERS = 100


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


def with_cabinets(systems: Collection[tuple[int, str]]) -> set[tuple[int, str]]:
    """Return which of some PMSes have a cabinet now.

    :param systems: organisation and id as it is compared.
    """
    t, i = trackable.c, installation.c
    holds = sa.select(i.id).where(
        i.assembly_id == t.id,
        i.slot == "cabinet",
        sa.func.upper_inf(i.known),
        i.valid.contains(sa.func.now()),
    )
    named = sa.tuple_(t.account_id, t.ident_key).in_(systems)
    query = sa.select(t.account_id, t.ident_key).where(t.kind == "pms", named, holds.exists())
    return {(row.account_id, row.ident_key) for row in db.session.execute(query)}
