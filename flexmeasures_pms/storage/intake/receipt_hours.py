"""The stored and refused samples of each reporting device and hour, summed up when read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from flexmeasures.data import db

from flexmeasures_pms.storage.arrays import array
from flexmeasures_pms.storage.tables import receipt_hour

# From the last received on, each as far as it has any.
_TAKE_BACK = """
    WITH gone AS (
      SELECT * FROM unnest(%s::bigint[], %s::timestamptz[], %s::int[]) AS g (device, hour, samples)
    ), locked AS (
      SELECT h.receipt_id, h.device_id, h.hour, h.samples, g.samples AS gone
      FROM pms_receipt_hour h JOIN gone g ON g.device = h.device_id AND g.hour = h.hour
      WHERE h.samples > 0 ORDER BY h.device_id, h.hour, h.receipt_id FOR UPDATE OF h
    ), taken AS (
      SELECT *, least(samples, gone - sum(samples) OVER later + samples) AS number FROM locked
      WINDOW later AS (PARTITION BY device_id, hour ORDER BY receipt_id DESC)
    )
    UPDATE pms_receipt_hour h SET
      samples = h.samples - t.number, packs = CASE WHEN h.samples > t.number THEN h.packs ELSE 0 END
    FROM taken t
    WHERE h.receipt_id = t.receipt_id AND h.device_id = t.device_id AND h.hour = t.hour
      AND t.number > 0"""


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


def take_back(samples: Mapping[tuple[int, datetime], int]) -> None:
    """Count samples no longer as stored, by device and hour: they have left the log."""
    if samples:
        columns = zip(*((*key, number) for key, number in samples.items()), strict=True)
        cursor = db.session.connection().connection.cursor()
        cursor.execute(_TAKE_BACK, [array(column) for column in columns])
