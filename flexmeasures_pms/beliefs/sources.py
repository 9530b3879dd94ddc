"""The data source of each reporting device.

One source per PMS, MPPT and inverter: ``type="gateway"``, ``name`` the device's id as plain text,
``model`` its kind (an MPPT and a PMS may share an id), with the organisation's account.
"""

from __future__ import annotations

from collections.abc import Iterable

from flexmeasures.data import db
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.user import Account
from flexmeasures.data.services.data_sources import get_or_create_source
from sqlalchemy import func, select

from flexmeasures_pms.identifiers import plain
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.tables import trackable
from flexmeasures_pms.storage.session import forgets_after_failure
from flexmeasures_pms.storage.sources import SOURCE_TYPE, reports_as_source

_Key = tuple[int, str, str]
_remembered: dict[_Key, int] = {}
_MOST_REMEMBERED = 20_000


@forgets_after_failure
def forget_sources() -> None:
    """Empty the cache of source ids."""
    _remembered.clear()


def reporters(account_id: int) -> dict[int, tuple[str, str]]:
    """Return the (kind, id) of an organisation's reporting devices by their source's id."""
    device = trackable.alias()
    rows = db.session.execute(
        select(DataSource.id, DataSource.model, func.coalesce(device.c.ident, DataSource.name))
        .outerjoin(device, reports_as_source(device))
        .where(DataSource.account_id == account_id, DataSource.type == SOURCE_TYPE)
        .order_by(device.c.id.desc())
    )
    return {source_id: (model, ident) for source_id, model, ident in rows}


def source_ids(account_id: int, devices: Iterable[Entry]) -> dict[int, int]:
    """Return the source id of each device by its registry id, as far as they have one."""
    wanted = {device.id: (account_id, device.kind, device.ident) for device in devices}
    # Read once: another thread may empty the cache at any moment.
    known = {k: v for k in wanted.values() if (v := _remembered.get(k)) is not None}
    if missing := set(wanted.values()) - known.keys():
        known |= _look_up(account_id, missing)
    return {device_id: known[key] for device_id, key in wanted.items() if key in known}


def make_sources(account_id: int, devices: Iterable[Entry]) -> None:
    """Create the sources of devices that have none; the caller commits."""
    keys = {(account_id, device.kind, device.ident) for device in devices}
    for key in sorted(keys - _look_up(account_id, keys, rename=True).keys()):
        _make(*key)


def _look_up(account_id: int, keys: set[_Key], *, rename: bool = False) -> dict[_Key, int]:
    """Return the sources that there are.

    :param rename: also those with names that are not plain text, which get plain ones.
    """
    if len(_remembered) > _MOST_REMEMBERED:
        _remembered.clear()
    # Sources from before names had to be plain text have the ids as they are.
    named = {name for _, _, ident in keys for name in (ident, plain(ident))}
    rows = db.session.scalars(
        select(DataSource)
        .where(DataSource.account_id == account_id, DataSource.type == SOURCE_TYPE)
        .where(DataSource.name.in_(named))
        .order_by(DataSource.id.desc())
    )
    by_name: dict[tuple[str, str], int] = {}
    for source in rows:
        if rename:
            source.name = plain(source.name)
        by_name[source.model, source.name] = source.id
    if rename:
        db.session.flush()
    found = {key: by_name[name] for key in keys if (name := (key[1], plain(key[2]))) in by_name}
    _remembered.update(found)
    return found


def _make(account_id: int, kind: str, ident: str) -> None:
    # FlexMeasures' unique key does not prevent two sources without a user: the lock
    # prevents that two workers each create one.
    db.session.execute(select(func.pg_advisory_xact_lock(func.hashtext("pms_source"), account_id)))
    account = db.session.get(Account, account_id)
    get_or_create_source(
        plain(ident), source_type=SOURCE_TYPE, model=kind, account=account, flush=True
    )
