"""Packs and devices that are not registered yet, from their samples in quarantine."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from flexmeasures_pms.config import settings
from flexmeasures_pms.errors import WireError
from flexmeasures_pms.ingest.limits import decoding_limits
from flexmeasures_pms.overview.docks import UnknownPack
from flexmeasures_pms.overview.public import PublicStruct
from flexmeasures_pms.registry.kinds import CASE
from flexmeasures_pms.storage.queries.waiting_unknown import MOST, WaitingUnknown, waiting_unknown
from flexmeasures_pms.wire import decode
from flexmeasures_pms.wire.samples import Sample


class Unregistered(PublicStruct, frozen=True):
    """A pack or a device that reports with an id that is not registered.

    :param kind: ``case`` for a pack.
    :param ident: as it was sent last.
    :param pms: id of the device that reports a pack, as it is compared; None for a device.
    :param dock: that a pack reported last, counted across the PMS.
    :param samples: how many samples wait in quarantine.
    :param time: of the newest of them.
    :param of_organisation: how many packs and devices of the organisation are not registered.
    :param of_pms: how many packs are that the PMS of this one reports.
    """

    account_id: int
    kind: str
    ident: str
    pms: str | None
    dock: int | None
    samples: int
    time: datetime | None
    of_organisation: int
    of_pms: int


def unregistered(accounts: Collection[int], most: int = MOST) -> tuple[Unregistered, ...]:
    """Return what reports to some organisations without being registered, the newest first.

    :param most: of each organisation. Of the packs of each PMS the newest is always there.
    """
    return tuple(map(_unregistered, waiting_unknown(accounts, most=most)))


def newest_of_pmses(
    accounts: Collection[int], keys: Collection[str] | None
) -> tuple[Unregistered, ...]:
    """Return the newest unknown pack of each PMS that reports some.

    :param keys: only of these PMSes, by their ids as they are compared.
    """
    if keys is not None and not keys:
        return ()
    return tuple(map(_unregistered, waiting_unknown(accounts, keys, most=0)))


def unknown_packs(account_id: int, device_key: str) -> tuple[tuple[UnknownPack, ...], int]:
    """Return the unknown packs that a PMS reports, each with its last dock, and how many there are.

    Not all of many are returned.
    """
    waiting = waiting_unknown([account_id], [device_key])
    found = (_unregistered(one) for one in waiting)
    packs = tuple(UnknownPack(one.ident, one.dock, one.time, one.samples) for one in found)
    return packs, waiting[0].of_account if waiting else 0


def _unregistered(waiting: WaitingUnknown) -> Unregistered:
    sample, is_pack = _sample(waiting), waiting.pack is not None
    sent = sample and (sample.pack_id if is_pack else sample.device_id)
    return Unregistered(
        account_id=waiting.account_id,
        kind=CASE if is_pack else waiting.dataset,
        ident=sent or waiting.pack or waiting.device or "",
        pms=waiting.device if is_pack else None,
        dock=sample.fields.get("pack.dock") if sample and is_pack else None,
        samples=waiting.samples,
        time=waiting.time,
        of_organisation=waiting.of_account,
        of_pms=waiting.of_device if is_pack else 0,
    )


def _sample(waiting: WaitingUnknown) -> Sample | None:
    """Return the last sample, if it can be read."""
    try:
        decoded = decode(
            waiting.text.encode(),
            dataset=waiting.dataset,
            content_type=waiting.content_type,
            limits=decoding_limits(settings()),
        )
    except WireError:
        return None
    return next(iter(decoded.samples), None)
