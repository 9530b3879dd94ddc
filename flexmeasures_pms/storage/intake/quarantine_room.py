"""How much room there is in the quarantine: for an organisation, and for each of its devices.

What waits is counted as committed. Requests that are stored at the same moment may together
exceed a bound by what each of them adds: none waits for another.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import sqlalchemy as sa
from flexmeasures.data import db

from flexmeasures_pms.storage.tables import quarantine

Unit = Literal["samples", "bytes"]

NEARLY = 80
"""From how much of a bound on people are told [%]."""


class Amount(NamedTuple):
    """How much waits.

    :param size: of the texts [bytes].
    """

    samples: int
    size: int


NOTHING = Amount(0, 0)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may wait for an organisation.

    :param size: of the texts [bytes].
    :param share: of both that one device may have [%].
    """

    samples: int
    size: int
    share: int

    @property
    def of_organisation(self) -> Amount:
        """What may wait in all."""
        return Amount(self.samples, self.size)

    @property
    def of_device(self) -> Amount:
        """What may wait of one device."""
        return Amount(*(max(1, most * self.share // 100) for most in self.of_organisation))


@dataclass(frozen=True, slots=True)
class BoundUse:
    """How far one bound is used.

    :param whole: it is the organisation's; otherwise the share of a device.
    :param device: its id as it is compared; None for samples that name none.
    :param used: samples, or bytes of their texts; ``most`` likewise.
    """

    unit: Unit
    whole: bool
    device: str | None
    used: int
    most: int

    @property
    def percent(self) -> int:
        """How much of the bound is used, rounded down [%]."""
        return self.used * 100 // self.most


WaitingByDevice = Mapping[str | None, Amount]
"""What waits of each device, by its id."""


def waiting_by_device(accounts: Collection[int]) -> dict[int, dict[str | None, Amount]]:
    """Return what waits of each device, by organisation.

    It is read from an index alone: 200,000 samples take 37 ms, once the table is vacuumed.
    """
    q = quarantine.c
    query = (
        sa.select(q.account_id, q.device_id, sa.func.count(), sa.func.sum(q.size))
        .where(q.account_id.in_(accounts), q.discarded_at.is_(None))
        .group_by(q.account_id, q.device_id)
    )
    found: dict[int, dict[str | None, Amount]] = {account: {} for account in accounts}
    for account, device, samples, size in db.session.execute(query):
        found[account][device] = Amount(samples, int(size))
    return found


class Room:
    """What still fits into an organisation's quarantine."""

    def __init__(self, bounds: Bounds, waiting: WaitingByDevice) -> None:
        """Start with what waits already."""
        self._bounds = bounds
        self._of_device = dict(waiting)
        self._in_all = total(waiting)

    def take(self, device: str | None, size: int) -> BoundUse | None:
        """Take the room of one sample, or return the bound that has none left.

        :param size: of its text [bytes].
        """
        in_all, of_device = self._in_all, self._of_device.get(device, NOTHING)
        one = Amount(1, size)
        for use, more in zip(_uses(self._bounds, device, in_all, of_device), one * 2, strict=True):
            if use.used + more > use.most:
                return use
        self._in_all = _sum(in_all, one)
        self._of_device[device] = _sum(of_device, one)
        return None


def total(waiting: WaitingByDevice) -> Amount:
    """Return what waits of all devices."""
    return Amount(*map(sum, zip(*waiting.values(), strict=True))) if waiting else NOTHING


def nearly_full(bounds: Bounds, waiting: WaitingByDevice) -> list[BoundUse]:
    """Return the bounds that are used by 80 % or more, those of the organisation first."""
    in_all = total(waiting)
    found = list(_uses(bounds, None, in_all, NOTHING))
    for device in sorted(waiting, key=lambda ident: ident or ""):
        found += (u for u in _uses(bounds, device, in_all, waiting[device]) if not u.whole)
    return [use for use in found if use.percent >= NEARLY]


def _sum(one: Amount, other: Amount) -> Amount:
    return Amount(one.samples + other.samples, one.size + other.size)


def _uses(
    bounds: Bounds, device: str | None, in_all: Amount, of_device: Amount
) -> Iterator[BoundUse]:
    """Yield the four bounds of a sample: samples and bytes in all, then of its device."""
    for whole, used, most in (
        (True, in_all, bounds.of_organisation),
        (False, of_device, bounds.of_device),
    ):
        ident = None if whole else device
        yield BoundUse("samples", whole, ident, used.samples, most.samples)
        yield BoundUse("bytes", whole, ident, used.size, most.size)
