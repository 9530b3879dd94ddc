"""All devices of some organisations, one row each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy.engine import Row

from flexmeasures_pms.catalogue.limits import PACK_LIMITS, SILENT_AFTER
from flexmeasures_pms.identifiers import key
from flexmeasures_pms.overview.public import PublicStruct
from flexmeasures_pms.overview.states import (
    LEVELS,
    Code,
    Finding,
    is_silent,
    retirement,
    silence,
    with_retirement,
)
from flexmeasures_pms.overview.unknown_packs import Unregistered, newest_of_pmses
from flexmeasures_pms.registry.kinds import CASE, PMS
from flexmeasures_pms.storage.queries import fleet as stored

_SIGNS: Mapping[Code, int] = {limit.code: limit.sign for limit in PACK_LIMITS}
_COUNTED = (*_SIGNS, *stored.COUNTED, "bus_fault", "retired_reporting")
_CODES = tuple(code for code in LEVELS if code in _COUNTED)
_IDENT = 2  # where the number of the pack is in what the database returns of the worst one


class Device(PublicStruct, frozen=True):
    """A PMS or another device that reports.

    :param newest: when its newest reading was.
    :param packs: how many are registered in a PMS.
    :param reporting: how many of these report.
    :param power: into its batteries [W], charging positive.
    :param soc: mean state of charge, if known.
    :param hottest: of its packs [°C].
    :param spread: the largest between the cells of one of its packs [mV].
    :param findings: health states, the worst first; at least ``ok``.
    """

    account_id: int
    kind: str
    ident: str
    asset_id: int | None
    timezone: str | None
    newest: datetime | None
    packs: int | None
    reporting: int | None
    power: float | None
    soc: float | None
    hottest: float | None
    spread: float | None
    findings: tuple[Finding, ...]

    @property
    def state(self) -> Finding:
        """The worst finding."""
        return self.findings[0]


def fleet(
    accounts: Collection[int],
    now: datetime,
    *,
    only: Collection[int] | None = None,
    within: Collection[int] | None = None,
    unknown: Iterable[Unregistered] | None = None,
) -> tuple[Device, ...]:
    """Return all devices of some organisations, in no order, in four queries.

    :param only: these devices, by their numbers; None for all.
    :param within: only these devices, of readings that these reported of
        what was in them.
    :param unknown: what reports to them without being registered, where that is known already.
    """
    rows = stored.systems(accounts, now - SILENT_AFTER, now, within, only)
    worst = [getattr(row, f"{code}_worst") for row in rows for code in _CODES]
    more = {number for row in rows for number in row.silent_also or ()}
    names = stored.idents({int(found[_IDENT]) for found in worst if found} | more)
    if unknown is None:
        keys = None if within is None else {key(row.ident) for row in rows}
        unknown = newest_of_pmses(accounts, keys)
    packs = _newest_by_pms(unknown)
    devices = [_system(row, names, packs, now) for row in rows]
    devices += [
        _converter(row, now)
        for row in stored.converters(accounts, only if within is None else within)
    ]
    return tuple(devices)


def _newest_by_pms(unknown: Iterable[Unregistered]) -> dict[tuple[int, str], Unregistered]:
    found: dict[tuple[int, str], Unregistered] = {}
    for one in unknown:
        if one.kind == CASE and one.pms is not None:
            found.setdefault((one.account_id, one.pms), one)
    return found


def arranged(devices: Iterable[Device], sort: str = "state", q: str = "") -> tuple[Device, ...]:
    """Return the devices that a search finds, in an order.

    :param sort: one of :data:`SORTS`, with a minus before it for the reverse order.
        Devices without the figure come last in both orders.
    :param q: part of an id, in upper or lower case.
    :raises KeyError: for an unknown order.
    """
    key = SORTS[sort.removeprefix("-")]
    part = q.upper()
    found = sorted((d for d in devices if part in d.ident.upper()), key=_by_kind)
    known = [device for device in found if key(device) is not None]
    unknown = [device for device in found if key(device) is None]
    return (*sorted(known, key=key, reverse=sort.startswith("-")), *unknown)


def _by_kind(device: Device) -> tuple[bool, str, str, int]:
    return device.kind != PMS, device.kind, device.ident, device.account_id


def _by_name(device: Device) -> tuple[str, str, int]:
    return device.ident, device.kind, device.account_id


def _missing(device: Device) -> float | None:
    return None if device.packs is None else (device.reporting or 0) - device.packs


SORTS: Mapping[str, Callable[[Device], Any]] = {
    "state": lambda d: (d.state.rank, -d.state.many),
    "name": _by_name,
    "packs": _missing,
    "power": lambda d: None if d.power is None else -d.power,
    "soc": lambda d: d.soc,
    "hottest": lambda d: None if d.hottest is None else -d.hottest,
    "spread": lambda d: None if d.spread is None else -d.spread,
    "newest": lambda d: d.newest,
}
"""The orders of a fleet: each has the devices that need attention first."""


def _findings(row: Row[Any], names: Mapping[int, str], now: datetime) -> Iterator[Finding]:
    """Yield the states of a PMS's packs and EHubs, each once with the worst that has it."""
    for code in _CODES:
        worst = getattr(row, f"{code}_worst")
        if worst is None:
            continue
        figure, _dock, number, silent = worst
        found = Finding(
            code,
            round(_SIGNS[code] * figure, 3) if code in _SIGNS else None,
            since=None if silent is None else datetime.fromtimestamp(silent, UTC),
            ident=names[int(number)],
            many=getattr(row, f"{code}_many"),
        )
        yield _silent(row, found, names, now) if code == "silent" else found
    if not row.registered:
        yield Finding("empty")


def _silent(row: Row[Any], first: Finding, names: Mapping[int, str], now: datetime) -> Finding:
    also = tuple(names[number] for number in row.silent_also)
    heard = row.heard and row.heard.astimezone(UTC)
    return silence(msgspec.structs.replace(first, also=also), heard, now)


def _system(
    row: Row[Any],
    names: Mapping[int, str],
    packs: Mapping[tuple[int, str], Unregistered],
    now: datetime,
) -> Device:
    findings = list(_findings(row, names, now))
    if new := packs.get((row.account_id, key(row.ident))):
        findings.append(Finding("unknown_pack", ident=new.ident, many=new.of_pms))
    newest = row.heard and row.heard.astimezone(UTC)
    return Device(
        account_id=row.account_id,
        kind=PMS,
        ident=row.ident,
        asset_id=row.asset_id,
        timezone=row.timezone,
        newest=newest,
        packs=row.registered or 0,
        reporting=row.reporting or 0,
        power=row.power,
        soc=row.soc,
        hottest=row.hottest,
        spread=None if row.spread is None else round(row.spread, 1),
        findings=with_retirement(findings, retirement(row.retired_at, newest, now)),
    )


def _converter(row: Row[Any], now: datetime) -> Device:
    newest = row.event_time and row.event_time.astimezone(UTC)
    silent = newest is None or is_silent(newest, now)
    return Device(
        account_id=row.account_id,
        kind=row.kind,
        ident=row.ident,
        asset_id=row.asset_id,
        timezone=row.timezone,
        newest=newest,
        packs=None,
        reporting=None,
        power=None if silent else row.battery_power,
        soc=None if silent else row.soc,
        hottest=None,
        spread=None,
        findings=with_retirement(
            _converter_findings(row, newest, silent), retirement(row.retired_at, newest, now)
        ),
    )


def _converter_findings(row: Row[Any], newest: datetime | None, silent: bool) -> Iterator[Finding]:
    """Yield the findings of a device; a fault in its last reading stays while it is silent."""
    if newest is None:
        yield Finding("never")
        return
    since = newest if silent else None
    if row.fault:
        yield Finding("fault", since=since)
    if row.bus_fault:
        yield Finding("bus_fault", since=since)
    if silent:
        yield Finding("silent", since=since)
