"""The newest readings of whole organisations, summed up by the database.

A fleet may have 1,000 PMSes with 48,000 packs: one query is for all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flexmeasures.data import db
from sqlalchemy.engine import Row

from flexmeasures_pms.catalogue.asset_types import SINGLE_DEVICES
from flexmeasures_pms.catalogue.limits import CELL_HIGH, PACK_LIMITS, PackLimit
from flexmeasures_pms.catalogue.quantities import BY_ASSET_TYPE, CELLS
from flexmeasures_pms.registry.tables import WITHOUT_ASSET, trackable

# PMS by PMS, from each down to its contents, so that nothing is sorted and every step uses
# an index. ``OFFSET 0`` keeps it the index on the assembly, with the 16 parts of a case
# never looked at: the one on places would be searched by ranges, which takes longer. Docks
# are counted on from cabinet to cabinet, and a cabinet of unknown size counts 12, as in
# registry/directory.py.
_CELLS = [f'"cell {n:02d} voltage"' for n in range(1, CELLS + 1)]
_ALL_CELLS = ", ".join(_CELLS)
_BY_CELL = f"""(r."lowest cell voltage" IS NULL OR r."highest cell voltage" > {CELL_HIGH})"""
_FIGURES = {
    "hottest": "heat",
    "hottest_fet": "fet_heat",
    "highest": "highest_cell",
    "lowest": "lowest_cell",
    "weak_by": "weak_by",
}
_HERE, _LAST = "fresh", "event_time IS NOT NULL"
_NO_DOCK = 1_000  # after all docks


def _sum(term: str) -> str:
    """Return the sum of a term over the cells."""
    return " + ".join(term.format(cell=cell) for cell in _CELLS)


def _sums(code: str, condition: str, worst: str = "0") -> str:
    """Return the columns of a state: how many packs have it, and which is the worst of them.

    :param worst: lowest for the worst pack; of equal ones it is that in the lowest dock.
    """
    found = f"FILTER (WHERE {condition})"
    silent = "CASE WHEN NOT fresh THEN extract(epoch FROM event_time) END"
    values = f"{worst}, coalesce(place, {_NO_DOCK}), id, {silent}"
    return (
        f"count(*) {found} AS {code}_many, min(ARRAY[{values}]::float8[]) {found} AS {code}_worst"
    )


def _limit(limit: PackLimit) -> str:
    """Return the columns of the packs beyond a limit."""
    figure = _FIGURES[limit.figure]
    among = _LAST if limit.stays else _HERE
    beyond = f"{among} AND {figure} {limit.beyond} {limit.value}"
    return _sums(limit.code, beyond, f"{limit.sign} * {figure}")


_STATES = {
    "fet_open": f'{_LAST} AND ("FET 1 open" > 0 OR "FET 2 open" > 0)',
    "unread": f"{_HERE} AND cells_read < {CELLS}",
    "no_temperature": f"{_HERE} AND heat IS NULL",
    "flapping": f"{_HERE} AND flaps",
    "wrong_place": f"""{_HERE} AND NOT flaps AND event_time >= coalesce(since, '-infinity')
      AND (device_id <> system OR dock <> coalesce(place, 0))""",
    "unallocated": f"{_HERE} AND dock IS NULL",
    "never": "event_time IS NULL",
}
COUNTED = (*_STATES, "silent")
"""The states of packs without a limit that a system is summed up by."""

_SUMS = ",\n          ".join(
    [
        *map(_limit, PACK_LIMITS),
        *(_sums(code, condition) for code, condition in _STATES.items()),
        _sums("silent", "NOT fresh", "extract(epoch FROM event_time)"),
        f"(array_agg(id ORDER BY event_time, coalesce(place, {_NO_DOCK}), id) "
        "FILTER (WHERE NOT fresh))[2:4] AS silent_also",
    ]
)
_BUS_FAULT = "l.event_time >= :fresh AND (l.readings ->> 'bus connected')::float8 = 0"
_SYSTEMS = f"""
    WITH system AS MATERIALIZED (
      SELECT id, account_id, ident, asset_id, timezone, provisioned, retired_at FROM pms_trackable
      WHERE kind = 'pms' AND account_id = ANY (:accounts) {{devices}}
    ), without_asset AS MATERIALIZED (
      SELECT id FROM pms_trackable
      WHERE {WITHOUT_ASSET} AND provisioned
        AND account_id = ANY (:accounts)
    ), retired AS MATERIALIZED (
      SELECT l.device_id, count(*) AS many,
        min(ARRAY[0, coalesce((l.readings ->> 'dock')::float8, {_NO_DOCK}), t.id, NULL]::float8[])
          AS worst
      FROM pms_trackable t
      JOIN pms_latest l ON l.trackable_id = t.id
        AND l.event_time >= greatest(:fresh, t.retired_at) {{readings}}
      WHERE t.kind = 'case' AND t.account_id = ANY (:accounts) AND t.retired_at <= :now
        AND (t.asset_id IS NOT NULL OR NOT t.provisioned)
      GROUP BY l.device_id
    )
    SELECT s.account_id, s.ident, s.asset_id, s.timezone, s.retired_at, found.*,
      r.many AS retired_reporting_many, r.worst AS retired_reporting_worst,
      greatest(found.newest, found.ehub_newest) AS heard
    FROM system s
    LEFT JOIN retired r ON r.device_id = s.id
    LEFT JOIN generic_asset a ON a.id = s.asset_id AND a.account_id = s.account_id
    CROSS JOIN LATERAL (
      WITH part AS MATERIALIZED (
        SELECT i.part_id AS id, i.slot, i.place, lower(i.valid) AS since
        FROM (
          SELECT * FROM pms_installation WHERE assembly_id = s.id AND upper_inf(known) OFFSET 0
        ) i
        WHERE i.slot IN ('cabinet', 'dock') AND i.valid @> CAST(:now AS timestamptz)
      ), cabinet AS MATERIALIZED (
        SELECT part.id,
          12 * (part.place - 1) + coalesce(sum(coalesce(t.docks, 12) - 12) OVER (
            ORDER BY part.place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
            AS docks_before
        FROM part JOIN pms_trackable t ON t.id = part.id WHERE part.slot = 'cabinet'
      ), pack AS (
        SELECT i.part_id AS id, c.docks_before + i.place AS dock, lower(i.valid) AS since
        FROM cabinet c CROSS JOIN LATERAL (
          SELECT * FROM pms_installation WHERE assembly_id = c.id AND upper_inf(known) OFFSET 0
        ) i
        WHERE i.slot = 'dock' AND i.valid @> CAST(:now AS timestamptz)
        UNION ALL
        SELECT id, place, since FROM part WHERE slot = 'dock'
      ), read AS (
        SELECT p.id, s.id AS system, p.dock AS place, p.since, l.event_time, l.device_id, r.*,
          l.event_time >= :fresh AS fresh,
          coalesce(l.event_time < f.until AND f.until > :now, false) AS flaps,
          greatest(r."temperature top", r."temperature middle", r."temperature bottom") AS heat,
          greatest(r."FET 1 temperature", r."FET 2 temperature") AS fet_heat,
          coalesce(r."lowest cell voltage", cells.lowest) AS lowest_cell,
          coalesce(r."highest cell voltage", cells.highest) AS highest_cell,
          coalesce(cells.number, {CELLS}) AS cells_read,
          CASE
            WHEN cells.number IS NULL THEN
              round((((r."pack voltage" - r."lowest cell voltage") / ({CELLS} - 1)
                - r."lowest cell voltage") * 1000)::numeric, 3)
            WHEN cells.usual > 1 THEN
              round((((cells.usual_total - cells.lowest) / (cells.usual - 1)
                - cells.lowest) * 1000)::numeric, 3)
            WHEN cells.number > 1 THEN
              round((((cells.total - cells.lowest) / (cells.number - 1)
                - cells.lowest) * 1000)::numeric, 3)
          END::float8 AS weak_by
        FROM pack p
        LEFT JOIN pms_latest l ON l.trackable_id = p.id {{readings}}
        LEFT JOIN pms_flapping f ON f.trackable_id = p.id
        LEFT JOIN LATERAL jsonb_to_record(l.readings) AS r(
          "pack power" float8, "pack voltage" float8,
          "lowest cell voltage" float8, "highest cell voltage" float8,
          "temperature top" float8, "temperature middle" float8, "temperature bottom" float8,
          "FET 1 temperature" float8, "FET 2 temperature" float8,
          "FET 1 open" float8, "FET 2 open" float8, "dock" float8, "state of charge" float8
        ) ON true
        -- Where a cell was not read, those that were: it must not hide a low one. Cells that are
        -- too high don't count in the mean of the others, as in overview/states.py.
        LEFT JOIN LATERAL (
          SELECT least({_ALL_CELLS}) AS lowest, greatest({_ALL_CELLS}) AS highest,
            num_nonnulls({_ALL_CELLS}) AS number,
            {_sum("coalesce({cell}, 0)")} AS total,
            {_sum(f"CASE WHEN {{cell}} <= {CELL_HIGH} THEN {{cell}} ELSE 0 END")} AS usual_total,
            {_sum(f"CASE WHEN {{cell}} <= {CELL_HIGH} THEN 1 ELSE 0 END")} AS usual
          -- PostgreSQL calls the function before it looks at WHERE: of nothing, it costs nothing.
          FROM jsonb_to_record(CASE WHEN {_BY_CELL} THEN l.readings END)
            AS c({", ".join(f"{cell} float8" for cell in _CELLS)})
          WHERE {_BY_CELL}
        ) cells ON true
        WHERE p.id NOT IN (SELECT id FROM without_asset)
      ), packs AS (
        SELECT
          count(*) AS registered,
          count(*) FILTER (WHERE fresh) AS reporting,
          max(event_time) AS newest,
          sum("pack power") FILTER (WHERE fresh) AS power,
          avg("state of charge") FILTER (WHERE fresh) AS soc,
          1000 * max(highest_cell - lowest_cell) FILTER (WHERE fresh) AS spread,
          max(heat) FILTER (WHERE fresh) AS hottest,
          {_SUMS}
        FROM read
      ), ehubs AS (
        SELECT max(l.event_time) AS ehub_newest,
          count(*) FILTER (WHERE {_BUS_FAULT}) AS bus_fault_many,
          min(ARRAY[0, e.before, e.id, NULL]::float8[]) FILTER (WHERE {_BUS_FAULT})
            AS bus_fault_worst
        FROM (SELECT id, docks_before AS before FROM cabinet UNION ALL SELECT s.id, -1) e
        JOIN pms_latest l ON l.trackable_id = e.id {{readings}}
      )
      SELECT * FROM packs CROSS JOIN ehubs
    ) found
    WHERE a.id IS NOT NULL OR NOT s.provisioned"""  # noqa: S608 - of constants

_BUS = "bus connected"
_BAD = {
    quantity.name: ", ".join(map(str, sorted(quantity.status.faults)))
    for kind in SINGLE_DEVICES
    for quantity in BY_ASSET_TYPE[kind.name]
    if quantity.status and quantity.status.faults
}


def _bad(names: Iterable[str]) -> str:
    """Return the condition for states that the catalogue calls a fault, as a device's page does."""
    found = " OR ".join(f'r."{name}" IN ({_BAD[name]})' for name in names)
    return f"coalesce({found}, false)"


_CONVERTERS = f"""
    WITH converter AS MATERIALIZED (
      SELECT id, account_id, kind, ident, asset_id, timezone, provisioned, retired_at
      FROM pms_trackable
      WHERE kind = ANY (:kinds) AND account_id = ANY (:accounts) {{devices}}
    )
    SELECT c.account_id, c.kind, c.ident, c.asset_id, c.timezone, c.retired_at, l.event_time,
      r."battery power" AS battery_power, r."state of charge" AS soc,
      {_bad([_BUS])} AS bus_fault, {_bad(_BAD.keys() - {_BUS})} AS fault
    FROM converter c
    LEFT JOIN generic_asset a ON a.id = c.asset_id AND a.account_id = c.account_id
    LEFT JOIN pms_latest l ON l.trackable_id = c.id
    LEFT JOIN LATERAL jsonb_to_record(l.readings) AS r(
      "battery power" float8, "state of charge" float8,
      {", ".join(f'"{name}" float8' for name in _BAD)}
    ) ON true
    WHERE a.id IS NOT NULL OR NOT c.provisioned"""  # noqa: S608 - of constants

# For keys that are restricted to devices: a reading that one of them reported of what was in
# one of them. A case is in a PMS, or in a cabinet that is in one.
_OF_DEVICES = """
    AND l.device_id = ANY (:within) AND (l.trackable_id = ANY (:within) OR EXISTS (
      SELECT FROM pms_installation i
      WHERE i.part_id = l.trackable_id AND upper_inf(i.known) AND i.valid @> l.event_time
        AND (i.assembly_id = ANY (:within) OR EXISTS (
          SELECT FROM pms_installation c
          WHERE c.part_id = i.assembly_id AND upper_inf(c.known) AND c.valid @> l.event_time
            AND c.assembly_id = ANY (:within)))))"""


def systems(
    accounts: Collection[int],
    fresh: datetime,
    now: datetime,
    within: Collection[int] | None = None,
    only: Collection[int] | None = None,
) -> list[Row[Any]]:
    """Return one row for each PMS of some organisations, with the sums of its packs.

    Figures are of the packs whose newest reading is fresh. Each state has two columns, such as
    ``hot_many`` and ``hot_worst``: how many packs have it, and of the worst of them the figure with
    the sign of its limit, the dock, its number, and when it last reported if it is silent
    [s since 1970]. The latter is None where no pack has the state. ``silent_also`` has the numbers
    of the next three silent packs.

    :param fresh: the time of the oldest reading that counts.
    :param within: only these PMSes, of readings that these devices reported of what was in them.
    :param only: these PMSes, whoever reported; not with ``within``.
    """
    values = {"accounts": list(accounts), "fresh": fresh, "now": now}
    return list(db.session.execute(_limited(_SYSTEMS, within, only), values))


def converters(
    accounts: Collection[int], within: Collection[int] | None = None
) -> Iterator[Row[Any]]:
    """Yield one row for each device but the PMSes of some organisations, with its newest reading.

    :param within: only these devices.

    A fleet has many of them: keeping the rows would make Python's garbage collector scan all.
    """
    values = {"accounts": list(accounts), "kinds": [kind.name for kind in SINGLE_DEVICES]}
    yield from db.session.execute(_limited(_CONVERTERS, None, within), values)


def _limited(
    query: str, within: Collection[int] | None, only: Collection[int] | None
) -> sa.TextClause:
    """Return a query for all devices, or for some."""
    devices = only if within is None else within
    if devices is None:
        return sa.text(query.format(devices="", readings=""))
    readings = "" if within is None else _OF_DEVICES
    limited = query.format(devices="AND id = ANY (:within)", readings=readings)
    return sa.text(limited).bindparams(within=list(devices))


def idents(trackable_ids: Collection[int]) -> dict[int, str]:
    """Return the ids of registered things by their number."""
    query = sa.select(trackable.c.id, trackable.c.ident).where(trackable.c.id.in_(trackable_ids))
    return {row.id: row.ident for row in db.session.execute(query)}
