"""All devices of some organisations, one row each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.engine import Row

from flexmeasures_pms.catalogue.limits import SILENT_AFTER
from flexmeasures_pms.overview.public import PublicStruct
from flexmeasures_pms.overview.states import (
    Code,
    Extremes,
    Finding,
    is_silent,
    judged,
    worst_first,
)
from flexmeasures_pms.registry.kinds import PMS
from flexmeasures_pms.storage.queries import fleet as stored

_EXTREMES: Mapping[Code, str] = {
    "hot": "hottest",
    "fet_hot": "hottest_fet",
    "cell_high": "highest",
    "cell_low": "lowest",
    "weak_cell": "weak_by",
}
_COUNTS: Mapping[Code, str] = {
    "bus_fault": "bus_faults",
    "fet_open": "fets_open",
    "unread": "unread",
    "no_temperature": "no_temperature",
    "flapping": "flapping",
    "wrong_place": "misplaced",
    "unallocated": "unallocated",
    "never": "never",
}


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
    accounts: Collection[int], now: datetime, *, within: Collection[int] | None = None
) -> tuple[Device, ...]:
    """Return all devices of some organisations, in no order, in three queries.

    :param within: only these devices (by their numbers), of readings that these reported of
        what was in them.
    """
    systems = stored.systems(accounts, now - SILENT_AFTER, now, within)
    rows = [(row, tuple(_beyond(row))) for row in systems]
    names = stored.idents({case for _, found in rows for _, _, case in found})
    devices = [_system(row, found, names) for row, found in rows]
    devices += [_converter(row, now) for row in stored.converters(accounts, within)]
    return tuple(devices)


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


def _beyond(row: Row[Any]) -> Iterator[tuple[Code, float, int]]:
    """Yield the figures beyond their limits in a PMS, with their cases."""
    worst = {code: getattr(row, column) for code, column in _EXTREMES.items()}
    figures = {_EXTREMES[code]: found[0] for code, found in worst.items() if found}
    for code, figure in judged(Extremes(**figures)):
        yield code, round(figure, 3), int(worst[code][1])


def _system(
    row: Row[Any], beyond: Iterable[tuple[Code, float, int]], names: Mapping[int, str]
) -> Device:
    findings = [Finding(code, figure, ident=names.get(case)) for code, figure, case in beyond]
    findings += [
        Finding(code, many=getattr(row, column))
        for code, column in _COUNTS.items()
        if getattr(row, column)
    ]
    if row.silent:
        since = row.silent_since if row.reporting else row.newest
        findings.append(Finding("silent", since=since.astimezone(UTC), many=row.silent))
    if not row.registered:
        findings.append(Finding("empty"))
    return Device(
        account_id=row.account_id,
        kind="pms",
        ident=row.ident,
        asset_id=row.asset_id,
        timezone=row.timezone,
        newest=row.heard and row.heard.astimezone(UTC),
        packs=row.registered or 0,
        reporting=row.reporting or 0,
        power=row.power,
        soc=row.soc,
        hottest=row.hottest and row.hottest[0],
        spread=None if row.spread is None else round(row.spread, 1),
        findings=worst_first(findings),
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
        findings=worst_first(_converter_findings(row, newest, silent)),
    )


def _converter_findings(row: Row[Any], newest: datetime | None, silent: bool) -> Iterator[Finding]:
    if newest is None:
        yield Finding("never")
    elif silent:
        yield Finding("silent", since=newest)
    else:
        if row.system_fault or row.short_circuits:
            yield Finding("fault")
        if row.bus_connected == 0:
            yield Finding("bus_fault")
