"""Create, change, rotate and revoke gateways' keys; the caller commits.

Each change is written to FlexMeasures' audit log of the organisation.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flexmeasures.data import db
from flexmeasures.data.models.audit_log import AuditLog
from flexmeasures.utils.time_utils import server_now
from sqlalchemy.engine import Row

from flexmeasures_pms import identifiers
from flexmeasures_pms.errors import AmbiguousId, RegistryConflict, RegistryError, UnknownId
from flexmeasures_pms.gateways import keys
from flexmeasures_pms.gateways.keys import IssuedKey
from flexmeasures_pms.gateways.tables import gateway, gateway_key
from flexmeasures_pms.registry.editing.change import Author

LIST = "`flexmeasures pms gateway list`"


def add(
    account_id: int,
    name: str,
    *,
    devices: Collection[str] | None,
    expires_at: datetime | None,
    rates: tuple[int | None, int | None],
    author: Author,
) -> IssuedKey:
    """Create a gateway and its first key.

    :param devices: its scope, as returned by :func:`~flexmeasures_pms.gateways.scope.scoped`.
    :param rates: requests and samples per minute, where they differ from the settings.
    :raises RegistryConflict: if the organisation has a gateway of that name.
    """
    cleaned = identifiers.clean(name)
    if fault := identifiers.fault(cleaned):
        raise RegistryError(f"The gateway's name {fault}.")
    if _named(cleaned, account_id):
        raise RegistryConflict(
            f"Organisation {account_id} has a gateway '{cleaned}'. Give it a new key with "
            "`flexmeasures pms gateway rotate`, or choose another name."
        )
    new = gateway.insert().values(
        account_id=account_id,
        name=cleaned,
        name_key=identifiers.key(cleaned),
        devices=sorted(devices) if devices else None,
        requests_per_minute=rates[0],
        samples_per_minute=rates[1],
    )
    gateway_id: int = db.session.scalars(new.returning(gateway.c.id)).one()
    key = _add_key(gateway_id, expires_at)
    _audit(account_id, f"Made gateway {cleaned} with key {key.id}", author)
    return key


def find(name: str, account_id: int | None) -> Row[Any]:
    """Return the gateway of a name.

    :raises UnknownId: if there is none.
    :raises AmbiguousId: if several organisations have one.
    """
    found = _named(name, account_id)
    if not found:
        where = "" if account_id is None else f" in organisation {account_id}"
        raise UnknownId(f"There is no gateway '{name}'{where}: see {LIST}.")
    if len(found) > 1:
        owners = ", ".join(str(row.account_id) for row in found)
        raise AmbiguousId(
            f"Organisations {owners} have a gateway '{name}': say which with --account."
        )
    return found[0]


def change(
    which: Row[Any],
    *,
    devices: Collection[str] | None,
    rates: tuple[int | None, int | None],
    author: Author,
) -> None:
    """Change what a gateway may do from now on; its keys stay as they are.

    :param devices: its scope, as :func:`add` takes it.
    :param rates: likewise.
    """
    values = {
        "devices": sorted(devices) if devices else None,
        "requests_per_minute": rates[0],
        "samples_per_minute": rates[1],
    }
    db.session.execute(sa.update(gateway).where(gateway.c.id == which.id).values(values))
    reach = ", ".join(sorted(devices)) if devices else "all devices"
    _audit(which.account_id, f"Changed gateway {which.name}: it may report for {reach}", author)


def rotate(
    which: Row[Any], *, overlap: timedelta, expires_at: datetime | None, author: Author
) -> IssuedKey:
    """Give a gateway a new key; its other keys stay valid for ``overlap``.

    :param expires_at: of the new key; None for the lifetime of the previous one.
    """
    last = db.session.execute(
        sa.select(gateway_key)
        .where(gateway_key.c.gateway_id == which.id)
        .order_by(gateway_key.c.created_at.desc())
        .limit(1)
    ).one()
    now = datetime.now(UTC)
    if expires_at is None and last.expires_at is not None:
        expires_at = now + (last.expires_at - last.created_at)
    db.session.execute(
        sa.update(gateway_key)
        .where(gateway_key.c.gateway_id == which.id)
        .values(expires_at=sa.func.least(gateway_key.c.expires_at, now + overlap))
    )
    key = _add_key(which.id, expires_at)
    _audit(which.account_id, f"Gave gateway {which.name} the key {key.id}", author)
    return key


def revoke(which: Row[Any], author: Author) -> None:
    """Revoke all keys of a gateway, from now on."""
    db.session.execute(
        sa.update(gateway).where(gateway.c.id == which.id).values(revoked_at=datetime.now(UTC))
    )
    _audit(which.account_id, f"Revoked the keys of gateway {which.name}", author)


def listed(account_id: int | None) -> list[Row[Any]]:
    """Return gateways with their keys, one row each, of one organisation or of all."""
    g, k = gateway.c, gateway_key.c
    query = (
        sa.select(
            g.account_id, g.name, g.devices, g.requests_per_minute, g.samples_per_minute,
            g.created_at, g.revoked_at, k.id.label("key_id"),
            k.created_at.label("key_created_at"), k.expires_at, k.last_used_at,
        )
        .join(gateway_key, k.gateway_id == g.id)
        .order_by(g.account_id, g.name_key, g.id, k.created_at)
    )  # fmt: skip
    if account_id is not None:
        query = query.where(g.account_id == account_id)
    return list(db.session.execute(query))


def _named(name: str, account_id: int | None) -> list[Row[Any]]:
    query = sa.select(gateway).where(
        gateway.c.name_key == identifiers.key(name), gateway.c.revoked_at.is_(None)
    )
    if account_id is not None:
        query = query.where(gateway.c.account_id == account_id)
    return list(db.session.execute(query.order_by(gateway.c.account_id)))


def _add_key(gateway_id: int, expires_at: datetime | None) -> IssuedKey:
    if expires_at is not None and expires_at <= datetime.now(UTC):
        raise RegistryError(f"The key would have expired: {expires_at.isoformat()} is past.")
    key = keys.make()
    values = {"id": key.id, "digest": keys.digest(key.text), "expires_at": expires_at}
    db.session.execute(gateway_key.insert().values(gateway_id=gateway_id, **values))
    return key


def _audit(account_id: int, event: str, author: Author) -> None:
    record = AuditLog(
        event_datetime=server_now(),
        event=(f"{event}: {author.note}" if author.note else event)[:500],
        active_user_name=author.name[:255],
        affected_account_id=account_id,
    )
    db.session.add(record)
