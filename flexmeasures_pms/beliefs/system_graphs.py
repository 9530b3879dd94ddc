"""FlexMeasures' graph page of a PMS: the EHubs of its cabinets, which report its readings.

A PMS's own sensors have readings only where its docks do not tell which cabinet reported.
"""

from __future__ import annotations

from collections.abc import Collection

from flexmeasures.data import db
from sqlalchemy import text

# Left alone is a page that somebody arranged in another way.
_SHOW = text("""
    UPDATE generic_asset a SET sensors_to_show = built.shown
    FROM (
      SELECT p.id, jsonb_build_array(jsonb_build_object(
        'title', 'EHub temperature', 'y-axis', 'data',
        'plots', jsonb_build_array(jsonb_build_object('sensors', jsonb_agg(s.id ORDER BY c.id)))
      )) AS shown
      FROM generic_asset p
      JOIN generic_asset_type pt ON pt.id = p.generic_asset_type_id AND pt.name = 'pms'
      JOIN generic_asset c ON c.parent_asset_id = p.id
      JOIN generic_asset_type ct ON ct.id = c.generic_asset_type_id AND ct.name = 'cabinet'
      JOIN sensor s ON s.generic_asset_id = c.id AND s.name = 'EHub temperature'
      WHERE CAST(:ids AS int[]) IS NULL OR p.id = ANY(CAST(:ids AS int[]))
      GROUP BY p.id
    ) AS built
    WHERE a.id = built.id AND a.sensors_to_show IS DISTINCT FROM built.shown
      AND NOT EXISTS (
        SELECT FROM jsonb_array_elements(CASE jsonb_typeof(a.sensors_to_show)
          WHEN 'array' THEN a.sensors_to_show ELSE '[]' END) AS plot
        WHERE plot->>'title' IS DISTINCT FROM 'EHub temperature')""")


def show_cabinets(asset_ids: Collection[int] | None = None) -> int:
    """Let graph pages of PMSes show their cabinets; return how many were changed.

    :param asset_ids: of these assets, by default of all.
    """
    ids = None if asset_ids is None else sorted(asset_ids)
    changed = db.session.execute(_SHOW, {"ids": ids})
    return int(changed.rowcount)
