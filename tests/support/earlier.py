"""A database as an earlier version left it, before there was a log of samples."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import sqlalchemy as sa
from alembic import command
from flask import current_app
from flexmeasures.data import db

from flexmeasures_pms.migrations import belief_tables, sample_tables, schema
from flexmeasures_pms.serving import readiness
from flexmeasures_pms.storage.log.places import forget_places

REVISION = "0017"


@contextmanager
def earlier() -> Iterator[None]:
    """Have the tables as before the log, and those of the code again afterwards.

    What is stored then is in no log, and the tables of before are dropped.
    """
    _bring(lambda connection: command.downgrade(schema.config(connection), REVISION))
    try:
        yield
    finally:
        db.session.rollback()
        schema.upgrade()
        _bring(sample_tables.drop_earlier)
        _bring(_drop_moved)


def _drop_moved(connection: sa.Connection) -> None:
    """Drop what adoption moved out of FlexMeasures' own table."""
    for name in belief_tables.names(connection):
        if name.endswith("_w00"):
            connection.execute(sa.text(f"DROP TABLE {name}"))


def upgraded() -> None:
    """Bring the tables to those of the code, which remembers nothing of before."""
    db.session.commit()
    schema.upgrade()
    forget_places()
    current_app.extensions.pop(readiness.FLAG, None)


def _bring(change: object) -> None:
    db.session.commit()
    with db.engine.begin() as connection:
        assert callable(change)
        change(connection)
    forget_places()
    current_app.extensions.pop(readiness.FLAG, None)


def unwritten(sensor_id: int, time: datetime) -> None:
    """Let a reading have a mark instead of its belief: it repeats the one before."""
    db.session.execute(sa.text("SET LOCAL pms.beliefs_move = 'on'"))
    gone = db.session.execute(
        sa.text(
            "DELETE FROM timed_belief WHERE sensor_id = :sensor AND event_start = :time"
            " RETURNING source_id"
        ),
        {"sensor": sensor_id, "time": time},
    ).one()
    mark(sensor_id, time, gone.source_id)
    db.session.commit()


def mark(sensor_id: int, time: datetime, source_id: int) -> None:
    """Note that a reading repeats the one before."""
    db.session.execute(
        sa.text("""
            INSERT INTO pms_repeat AS r (subject_id, event_time, source_id, mask)
            SELECT t.id, :time, :source, 1::bigint << b.bit
            FROM sensor s JOIN pms_trackable t ON t.asset_id = s.generic_asset_id
            JOIN pms_repeat_bit b ON b.asset_type = t.kind AND b.sensor = s.name
            WHERE s.id = :sensor
            ON CONFLICT (subject_id, source_id, event_time)
              DO UPDATE SET mask = r.mask | excluded.mask"""),
        {"sensor": sensor_id, "time": time, "source": source_id},
    )
