"""Which gateway sends a request: one look-up by the key's id, without users."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flexmeasures.data import db
from sqlalchemy.engine import Row

from flexmeasures_pms.gateways import keys
from flexmeasures_pms.gateways.tables import gateway, gateway_key

USED_EVERY = timedelta(minutes=1)
"""How often the last use of a key is recorded."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway that is authenticated by its key.

    :param devices: what it may report, as ``pms:PMS-1``; None for the whole organisation.
    :param requests_per_minute: its own limit, or None for the setting.
    :param samples_per_minute: likewise.
    :param key_id: the id of the key that it used.
    """

    id: int
    account_id: int
    name: str
    devices: Collection[str] | None
    requests_per_minute: int | None
    samples_per_minute: int | None
    key_id: str


@dataclass(frozen=True, slots=True)
class RefusedKey:
    """Why a key is not valid: for the log, not for who sent it.

    :param key_id: None if what was sent is not a key.
    :param known: whether there is a key of this id.
    """

    why: str
    key_id: str | None = None
    known: bool = False


_COLUMNS = (
    gateway.c.id,
    gateway.c.account_id,
    gateway.c.name,
    gateway.c.devices,
    gateway.c.requests_per_minute,
    gateway.c.samples_per_minute,
    gateway.c.revoked_at,
    gateway_key.c.digest,
    gateway_key.c.expires_at,
    gateway_key.c.last_used_at,
)
_BY_KEY = (
    sa.select(*_COLUMNS)
    .join(gateway_key, gateway_key.c.gateway_id == gateway.c.id)
    .where(gateway_key.c.id == sa.bindparam("key_id"))
)
# A request does not wait while another one writes this.
_FREE = (
    sa.select(gateway_key.c.id)
    .where(gateway_key.c.id == sa.bindparam("key_id"))
    .with_for_update(skip_locked=True)
)
_USED = sa.update(gateway_key).where(gateway_key.c.id.in_(_FREE))


def of_key(text: str, now: datetime) -> Gateway | RefusedKey:
    """Return the gateway that a key belongs to, or why it belongs to none."""
    key_id = keys.key_id(text)
    if key_id is None:
        return RefusedKey("it has not the form of a key")
    row = db.session.execute(_BY_KEY, {"key_id": key_id}).one_or_none()
    if row is None:
        return RefusedKey("there is none of this id", key_id)
    if why := _fault(row, text, now):
        return RefusedKey(why, key_id, known=True)
    if row.last_used_at is None or not timedelta(0) <= now - row.last_used_at < USED_EVERY:
        db.session.execute(_USED.values(last_used_at=now), {"key_id": key_id})
        db.session.commit()
    return Gateway(
        id=row.id,
        account_id=row.account_id,
        name=row.name,
        devices=None if row.devices is None else frozenset(row.devices),
        requests_per_minute=row.requests_per_minute,
        samples_per_minute=row.samples_per_minute,
        key_id=key_id,
    )


def key_ids(gateway_id: int) -> frozenset[str]:
    """Return the ids of all keys that a gateway has had."""
    query = sa.select(gateway_key.c.id).where(gateway_key.c.gateway_id == gateway_id)
    return frozenset(db.session.scalars(query))


def _fault(row: Row[Any], text: str, now: datetime) -> str | None:
    """Return why a key is not valid; whether its gateway is, only to who has its secret."""
    if not keys.matches(text, row.digest):
        return "its secret is wrong"
    if row.revoked_at is not None:
        return "it is revoked"
    if row.expires_at is not None and row.expires_at <= now:
        return "it has expired"
    return None
