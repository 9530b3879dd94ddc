"""FlexMeasures' graph page of a PMS: the EHubs of its cabinets, which report its readings.

A PMS's own sensors have readings only where its docks do not tell which cabinet reported.
"""

from __future__ import annotations

from collections.abc import Collection

from flexmeasures.data import db
from sqlalchemy import text

_TITLE = "EHub temperature"


def _page(sensors: str) -> str:
    return f"""jsonb_build_array(jsonb_build_object('title', '{_TITLE}', 'y-axis', 'data',
      'plots', jsonb_build_array(jsonb_build_object('sensors', {sensors}))))"""


# A PMS without cabinets shows its own sensor.
_PAGES = f"""
    WITH page AS (
      SELECT p.id, {_page("own.sensors")} AS own,
        {_page("coalesce(cabinets.sensors, own.sensors)")} AS shown
      FROM generic_asset p
      JOIN generic_asset_type pt ON pt.id = p.generic_asset_type_id AND pt.name = 'pms'
      CROSS JOIN LATERAL (
        SELECT jsonb_agg(s.id) FROM sensor s
        WHERE s.generic_asset_id = p.id AND s.name = '{_TITLE}'
      ) own (sensors)
      CROSS JOIN LATERAL (
        SELECT jsonb_agg(s.id ORDER BY c.id) FROM generic_asset c
        JOIN generic_asset_type ct ON ct.id = c.generic_asset_type_id AND ct.name = 'cabinet'
        JOIN sensor s ON s.generic_asset_id = c.id AND s.name = '{_TITLE}'
        WHERE c.parent_asset_id = p.id AND c.account_id = p.account_id
      ) cabinets (sensors)
      WHERE (CAST(:ids AS int[]) IS NULL OR p.id = ANY (CAST(:ids AS int[])))
        AND coalesce(cabinets.sensors, own.sensors) IS NOT NULL
    )"""  # noqa: S608 - of constants

_AS_BUILT = text(f"""{_PAGES}
    SELECT a.id FROM generic_asset a JOIN page ON page.id = a.id
    WHERE a.sensors_to_show = page.shown""")  # noqa: S608 - of constants

_SHOW = text(f"""{_PAGES}, found AS MATERIALIZED (
      SELECT a.id, page.shown FROM generic_asset a JOIN page ON page.id = a.id
      WHERE a.sensors_to_show IS DISTINCT FROM page.shown
        AND (a.sensors_to_show = page.own OR a.id = ANY (CAST(:built AS int[])))
      ORDER BY a.id FOR UPDATE OF a
    )
    UPDATE generic_asset a SET sensors_to_show = found.shown FROM found
    WHERE a.id = found.id""")  # noqa: S608 - of constants


def as_built(asset_ids: Collection[int]) -> set[int]:
    """Return which of some PMSes' graph pages show what this module made, and nobody arranged."""
    return set(db.session.scalars(_AS_BUILT, {"ids": sorted(asset_ids)}))


def show_cabinets(asset_ids: Collection[int] | None = None, built: Collection[int] = ()) -> int:
    """Let graph pages of PMSes show their cabinets; return how many were changed.

    Pages that somebody arranged or emptied are left alone: changed are those that show the PMS's
    own sensor alone, as they are made.

    :param asset_ids: of these assets, by default of all.
    :param built: also those of these assets, which were :func:`as_built` before cabinets changed.
    """
    ids = None if asset_ids is None else sorted(asset_ids)
    changed = db.session.execute(_SHOW, {"ids": ids, "built": sorted(built)})
    return int(changed.rowcount)
