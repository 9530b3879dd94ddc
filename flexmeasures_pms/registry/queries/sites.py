"""Sites, and which devices are in them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flexmeasures.data import db
from msgspec import Struct
from sqlalchemy.dialects.postgresql import array

from flexmeasures_pms.registry.kinds import SITE
from flexmeasures_pms.registry.master_tables import site
from flexmeasures_pms.registry.tables import installation, trackable


class SiteFacts(Struct, frozen=True):
    """What is registered of a site besides time zone and location; None for what is not known."""

    address: str | None = None
    contact: str | None = None


NO_FACTS = SiteFacts()


class KnownSite(Struct, frozen=True):
    """A site, and the devices that are in it at a moment, as (kind, id)."""

    account_id: int
    ident: str
    timezone: str | None
    latitude: float | None
    longitude: float | None
    facts: SiteFacts
    devices: tuple[tuple[str, str], ...]


def has_sites(accounts: Collection[int], at: datetime) -> bool:
    """Return whether any of some organisations has a site that is in use at a time."""
    query = sa.select(sa.exists().where(*_in_use(accounts, at)))
    return bool(db.session.scalar(query))


def sites(accounts: Collection[int], at: datetime, *, most: int) -> tuple[KnownSite, ...]:
    """Return the sites of some organisations that are in use at a time, with their devices.

    In the order of their ids, in one query.

    :param most: the most that are returned.
    """
    t, i, device = trackable.c, installation.c, trackable.alias("device")
    holds = i.valid.op("@>")(sa.literal(at, sa.DateTime(timezone=True)))
    devices = (
        sa.select(sa.func.array_agg(array([device.c.kind, device.c.ident])))
        .select_from(installation.join(device, device.c.id == i.part_id))
        .where(i.assembly_id == t.id, sa.func.upper_inf(i.known), holds)
        .scalar_subquery()
    )
    query = (
        sa.select(
            t.account_id, t.ident, t.timezone, t.latitude, t.longitude,
            site.c.address, site.c.contact, devices,
        )
        .outerjoin(site, site.c.trackable_id == t.id)
        .where(*_in_use(accounts, at))
        .order_by(t.ident_key, t.account_id)
        .limit(most)
    )  # fmt: skip
    return tuple(_known(row) for row in db.session.execute(query))


def _known(row: Sequence[Any]) -> KnownSite:
    account_id, ident, timezone, latitude, longitude, address, contact, inside = row
    devices = tuple((kind, one) for kind, one in inside or ())
    facts = SiteFacts(address, contact)
    return KnownSite(account_id, ident, timezone, latitude, longitude, facts, devices)


def _in_use(accounts: Collection[int], at: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    t = trackable.c
    in_use = t.retired_at.is_(None) | (t.retired_at > at)
    return t.account_id.in_(accounts), t.kind == SITE, in_use
