"""Beliefs as if they had been received in an earlier week."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from flexmeasures.data import db

from flexmeasures_pms.storage.readings import thinning
from flexmeasures_pms.storage.readings.belief_tables import make, table_of


def receive_earlier(account_id: int, week: str) -> None:
    """Let all beliefs of an organisation that were received now be in the table of a week."""
    make(week)
    move = sa.text(f"""
        WITH own AS (
          SELECT s.id FROM sensor s JOIN generic_asset a ON a.id = s.generic_asset_id
          WHERE a.account_id = :id
        ), taken AS (
          DELETE FROM {table_of(datetime.now(UTC))} WHERE sensor_id IN (SELECT id FROM own)
          RETURNING *
        ) INSERT INTO {week} SELECT * FROM taken""")
    db.session.execute(move, {"id": account_id})
    db.session.commit()


def thin_all_earlier() -> None:
    """Leave no earlier week to thin: other tests have beliefs in the same database."""
    db.session.rollback()
    assert thinning.thin(datetime.now(UTC)).finished
