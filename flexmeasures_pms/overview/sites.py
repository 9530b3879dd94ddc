"""The sites of organisations, each summed up from the fleet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from flexmeasures_pms.overview.fleet import Device
from flexmeasures_pms.overview.public import PublicStruct
from flexmeasures_pms.registry.kinds import PMS
from flexmeasures_pms.registry.queries.sites import KnownSite


class SiteSummary(PublicStruct, frozen=True):
    """A site with its devices summed up.

    :param place: its address, or where it is in degrees.
    :param pmses: how many PMSes are in it; ``others`` of the devices that are none.
    :param packs: how many are registered in its PMSes.
    :param reporting: how many of these report.
    :param newest: when the newest reading of any of its devices was.
    :param worst: the device with the worst state; None where there is none.
    """

    account_id: int
    ident: str
    timezone: str | None
    place: str | None
    pmses: int
    others: int
    packs: int
    reporting: int
    newest: datetime | None
    worst: Device | None


def summed_up(sites: Iterable[KnownSite], devices: Iterable[Device]) -> tuple[SiteSummary, ...]:
    """Return sites with their devices summed up, the worst first.

    :param devices: the fleet of their organisations.
    """
    known = {(one.account_id, one.kind, one.ident): one for one in devices}
    found = [_summary(site, list(_inside(site, known))) for site in sites]
    return tuple(sorted(found, key=_order))


def _inside(site: KnownSite, known: dict[tuple[int, str, str], Device]) -> Iterator[Device]:
    for kind, ident in site.devices:
        device = known.get((site.account_id, kind, ident))
        if device is not None:
            yield device


def _summary(site: KnownSite, devices: list[Device]) -> SiteSummary:
    pmses = sum(device.kind == PMS for device in devices)
    return SiteSummary(
        site.account_id,
        site.ident,
        site.timezone,
        _place(site),
        pmses,
        len(devices) - pmses,
        packs=sum(device.packs or 0 for device in devices),
        reporting=sum(device.reporting or 0 for device in devices),
        newest=max((d.newest for d in devices if d.newest), default=None),
        worst=min(devices, key=_badness, default=None),
    )


def _place(site: KnownSite) -> str | None:
    if site.facts.address or site.latitude is None or site.longitude is None:
        return site.facts.address
    return f"{site.latitude:.4f}, {site.longitude:.4f}"


def _badness(device: Device) -> tuple[int, int, str]:
    return device.state.rank, -device.state.many, device.ident


def _order(site: SiteSummary) -> tuple[object, ...]:
    if site.worst is None:
        return (1, 0, 0, site.ident, site.account_id)
    rank, many, _ident = _badness(site.worst)
    return (0, rank, many, site.ident, site.account_id)
