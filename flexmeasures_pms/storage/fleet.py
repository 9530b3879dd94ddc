"""The newest readings of whole organisations, summed up by the database.

A fleet may be 1,000 PMSes with 48,000 packs: what is asked of them all is asked once.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flexmeasures.data import db
from sqlalchemy.engine import Row

from flexmeasures_pms.registry.tables import trackable

# From each PMS down to what is in it, by the index on the assembly: a case has 16 parts,
# and none of those is looked at. Docks are counted on from cabinet to cabinet, and a
# cabinet of unknown size counts 12, as in registry/directory.py.
_SYSTEMS = """
    WITH system AS (
      SELECT t.id FROM pms_trackable t
      JOIN generic_asset a ON a.id = t.asset_id AND a.account_id = t.account_id
      WHERE t.kind = 'pms' AND t.account_id = ANY (:accounts)
    ), cabinet AS (
      SELECT i.assembly_id AS pms_id, i.part_id AS id,
        12 * (i.place - 1) + coalesce(sum(coalesce(t.docks, 12) - 12) OVER (
          PARTITION BY i.assembly_id ORDER BY i.place
          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS docks_before
      FROM system s
      JOIN pms_installation i ON i.assembly_id = s.id AND i.slot = 'cabinet'
        AND upper_inf(i.known) AND i.valid @> CAST(:now AS timestamptz)
      JOIN pms_trackable t ON t.id = i.part_id
    ), pack AS (
      SELECT c.pms_id, i.part_id AS id, c.docks_before + i.place AS dock, lower(i.valid) AS since
      FROM cabinet c
      JOIN pms_installation i ON i.assembly_id = c.id AND i.slot = 'dock'
        AND upper_inf(i.known) AND i.valid @> CAST(:now AS timestamptz)
      UNION ALL
      SELECT s.id, i.part_id, i.place, lower(i.valid)
      FROM system s
      JOIN pms_installation i ON i.assembly_id = s.id AND i.slot = 'dock'
        AND upper_inf(i.known) AND i.valid @> CAST(:now AS timestamptz)
    ), read AS (
      SELECT p.pms_id, p.id, p.dock AS place, p.since, l.event_time, l.device_id, r.*,
        l.event_time >= :fresh AS fresh,
        greatest(r."temperature top", r."temperature middle", r."temperature bottom") AS heat,
        greatest(r."FET 1 temperature", r."FET 2 temperature") AS fet_heat,
        ((r."pack voltage" - r."lowest cell voltage") / 13 - r."lowest cell voltage") * 1000
          AS weak_by
      FROM pack p
      JOIN pms_trackable t ON t.id = p.id AND t.asset_id IS NOT NULL
      LEFT JOIN pms_latest l ON l.trackable_id = p.id
      LEFT JOIN LATERAL jsonb_to_record(l.readings) AS r(
        "pack power" float8, "pack voltage" float8, "cell spread" float8,
        "lowest cell voltage" float8, "highest cell voltage" float8,
        "temperature top" float8, "temperature middle" float8, "temperature bottom" float8,
        "FET 1 temperature" float8, "FET 2 temperature" float8,
        "FET 1 open" float8, "FET 2 open" float8, "dock" float8, "state of charge" float8
      ) ON true
    ), packs AS (
      SELECT pms_id,
        count(*) AS registered,
        count(*) FILTER (WHERE fresh) AS reporting,
        count(*) FILTER (WHERE event_time IS NULL) AS never,
        count(*) FILTER (WHERE NOT fresh) AS silent,
        min(event_time) FILTER (WHERE NOT fresh) AS silent_since,
        max(event_time) AS newest,
        sum("pack power") FILTER (WHERE fresh) AS power,
        avg("state of charge") FILTER (WHERE fresh) AS soc,
        max(ARRAY["cell spread", id]) FILTER (WHERE fresh AND "cell spread" IS NOT NULL) AS spread,
        max(ARRAY[heat, id]) FILTER (WHERE fresh AND heat IS NOT NULL) AS hottest,
        max(ARRAY[fet_heat, id]) FILTER (WHERE fresh AND fet_heat IS NOT NULL) AS hottest_fet,
        max(ARRAY["highest cell voltage", id])
          FILTER (WHERE fresh AND "highest cell voltage" IS NOT NULL) AS highest,
        min(ARRAY["lowest cell voltage", id])
          FILTER (WHERE fresh AND "lowest cell voltage" IS NOT NULL) AS lowest,
        max(ARRAY[weak_by, id]) FILTER (WHERE fresh AND weak_by IS NOT NULL) AS weak_by,
        count(*) FILTER (WHERE fresh AND ("FET 1 open" > 0 OR "FET 2 open" > 0)) AS fets_open,
        count(*) FILTER (WHERE fresh AND dock IS NULL) AS unallocated,
        count(*) FILTER (
          WHERE fresh AND event_time >= coalesce(since, '-infinity')
          AND (device_id <> pms_id OR dock <> place)) AS misplaced
      FROM read GROUP BY pms_id
    ), ehubs AS (
      SELECT e.pms_id, max(l.event_time) AS newest,
        count(*) FILTER (
          WHERE l.event_time >= :fresh AND (l.readings ->> 'bus connected')::float8 = 0
        ) AS bus_faults
      FROM (SELECT pms_id, id FROM cabinet UNION ALL SELECT id, id FROM system) e
      JOIN pms_latest l ON l.trackable_id = e.id
      GROUP BY e.pms_id
    )
    SELECT t.account_id, t.ident, t.asset_id, t.timezone, p.*,
      coalesce(e.bus_faults, 0) AS bus_faults, greatest(p.newest, e.newest) AS heard
    FROM system s
    JOIN pms_trackable t ON t.id = s.id
    LEFT JOIN packs p ON p.pms_id = s.id
    LEFT JOIN ehubs e ON e.pms_id = s.id"""

_CONVERTERS = """
    SELECT t.account_id, t.kind, t.ident, t.asset_id, t.timezone, l.event_time,
      r."battery power" AS battery_power, r."state of charge" AS soc,
      r."bus connected" AS bus_connected, r."system fault" AS system_fault,
      r."short circuits" AS short_circuits
    FROM pms_trackable t
    JOIN generic_asset a ON a.id = t.asset_id AND a.account_id = t.account_id
    LEFT JOIN pms_latest l ON l.trackable_id = t.id
    LEFT JOIN LATERAL jsonb_to_record(l.readings) AS r(
      "battery power" float8, "state of charge" float8, "bus connected" float8,
      "system fault" float8, "short circuits" float8
    ) ON true
    WHERE t.kind IN ('mppt', 'inverter') AND t.account_id = ANY (:accounts)"""


def systems(accounts: Collection[int], fresh: datetime, now: datetime) -> list[Row[Any]]:
    """Return one row for each PMS of some organisations, with what its packs say together.

    Figures are of the packs whose newest reading is fresh. An extreme is an array of the
    figure and the number of the case that it is of, or None.

    :param fresh: when the oldest reading was that counts.
    """
    values = {"accounts": list(accounts), "fresh": fresh, "now": now}
    return list(db.session.execute(sa.text(_SYSTEMS), values))


def converters(accounts: Collection[int]) -> list[Row[Any]]:
    """Return one row for each MPPT and inverter of some organisations, with its newest reading."""
    return list(db.session.execute(sa.text(_CONVERTERS), {"accounts": list(accounts)}))


def idents(trackable_ids: Collection[int]) -> dict[int, str]:
    """Return the ids of registered things by their number."""
    query = sa.select(trackable.c.id, trackable.c.ident).where(trackable.c.id.in_(trackable_ids))
    return {row.id: row.ident for row in db.session.execute(query)}
