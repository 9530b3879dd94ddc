"""A large fleet in the database, written at once: registering it would take minutes."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from flexmeasures.data import db

_TYPE = """
    INSERT INTO generic_asset_type (name, description) SELECT :type_name, ''
    WHERE NOT EXISTS (SELECT FROM generic_asset_type WHERE name = :type_name)"""

_FLEET = """
    WITH asset_type AS (SELECT id FROM generic_asset_type WHERE name = :type_name),
    asset AS (
      INSERT INTO generic_asset (name, generic_asset_type_id, account_id, attributes,
        sensors_to_show, flex_context, flex_model, sensors_to_show_as_kpis, external_id)
      SELECT :kind || '-' || n, asset_type.id, :account, '{}', '[]', '{}', '{}', '[]',
        :kind || ':' || :kind || '-' || n
      FROM generate_series(1, :number) n, asset_type
      RETURNING id, name
    )
    INSERT INTO pms_trackable (account_id, kind, ident, ident_key, asset_id, timezone)
    SELECT :account, :kind, name, upper(name), id, 'Asia/Jakarta' FROM asset"""

_INSTALLED = """
    INSERT INTO pms_installation
      (account_id, part_id, assembly_id, slot, place, valid, known, request_id)
    SELECT :account, part.id, assembly.id, :slot, n, '(,)', '(,)', gen_random_uuid()
    FROM generate_series(1, :per_assembly) n,
      (SELECT *, row_number() OVER (ORDER BY id) AS nth FROM pms_trackable
       WHERE account_id = :account AND kind = :into AND ident LIKE :into || '-%') assembly
    JOIN (SELECT *, row_number() OVER (ORDER BY id) AS nth FROM pms_trackable
       WHERE account_id = :account AND kind = :kind AND ident LIKE :kind || '-%') part
    ON true
    WHERE part.nth = (assembly.nth - 1) * :per_assembly + n"""

_LATEST = """
    INSERT INTO pms_latest (trackable_id, event_time, device_id, readings)
    SELECT t.id, :time, pms.assembly_id, (
      SELECT jsonb_object_agg(name, value) FROM (
        SELECT 'cell ' || lpad(n::text, 2, '0') || ' voltage' AS name, 3.7 + n / 1000.0 AS value
        FROM generate_series(1, 14) n
        UNION ALL SELECT 'cell ' || lpad(n::text, 2, '0') || ' open', 0
        FROM generate_series(1, 14) n
        UNION ALL VALUES ('pack voltage', 51.905), ('pack current', 1.5), ('pack power', 77.8575),
          ('lowest cell voltage', 3.701), ('highest cell voltage', 3.714), ('cell spread', 13),
          ('temperature top', 30.5), ('temperature middle', 31.5), ('temperature bottom', 29),
          ('FET 1 temperature', 33), ('FET 2 temperature', 33), ('FET 1 open', 0),
          ('FET 2 open', 0), ('dock', i.place)
      ) readings)
    FROM pms_trackable t
    JOIN pms_installation i ON i.part_id = t.id
    JOIN pms_installation pms ON pms.part_id = i.assembly_id
    WHERE t.account_id = :account AND t.kind = 'case' AND t.ident LIKE 'case-%'"""


def make_fleet(account_id: int, *, systems: int, packs: int, time: datetime) -> None:
    """Write PMSes of one cabinet each with so many packs, all of which reported at a time."""
    kinds = {"pms": systems, "cabinet": systems, "case": systems * packs}
    account = {"account": account_id}
    for kind, number in kinds.items():
        names = {"kind": kind, "type_name": kind, "number": number}
        db.session.execute(sa.text(_TYPE), {"type_name": kind})
        db.session.execute(sa.text(_FLEET), account | names)
    for kind, into, slot, number in (
        ("cabinet", "pms", "cabinet", 1),
        ("case", "cabinet", "dock", packs),
    ):
        place = {"kind": kind, "into": into, "slot": slot, "per_assembly": number}
        db.session.execute(sa.text(_INSTALLED), account | place)
    db.session.execute(sa.text(_LATEST), account | {"time": time})
    db.session.execute(sa.text("ANALYZE pms_installation, pms_trackable, pms_latest"))
