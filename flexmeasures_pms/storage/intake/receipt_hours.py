"""The stored and refused samples of each reporting device and hour, summed up when read."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from flexmeasures.data import db

from flexmeasures_pms.storage.tables import receipt_hour


class StoredHour(NamedTuple):
    """The samples of one device in one hour.

    :param samples: stored.
    :param packs: how many packs these came from; 1 for other devices.
    :param refused: neither stored nor kept in quarantine.
    """

    samples: int
    packs: int
    refused: int = 0


def stored_hours(
    devices: Collection[int], since: datetime, until: datetime
) -> dict[tuple[int, datetime], StoredHour]:
    """Return the samples by (device, hour), for hours that begin in a period.

    :param devices: the registry's numbers of devices.
    """
    c = receipt_hour.c
    query = (
        sa.select(
            c.device_id,
            c.hour,
            sa.func.sum(c.samples),
            sa.func.bit_or(c.packs),
            sa.func.sum(c.refused),
        )
        .where(c.device_id.in_(devices), c.hour >= since, c.hour < until)
        .group_by(c.device_id, c.hour)
    )
    return {
        (device, hour): StoredHour(int(samples), packs.bit_count(), int(refused))
        for device, hour, samples, packs, refused in db.session.execute(query)
    }
