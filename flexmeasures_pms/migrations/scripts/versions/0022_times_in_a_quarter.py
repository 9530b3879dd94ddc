"""Last written values have their times in a quarter of an hour instead of their ages."""

from __future__ import annotations

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

# The time of the newest reading in its quarter of an hour, less what was there: an age becomes a
# time, and a time an age.
_TURN = """
    UPDATE pms_latest l SET recorded = (
      SELECT json_object_agg(r.key, CASE json_typeof(r.value)
        WHEN 'array' THEN json_build_array(r.value -> 0, n.newest - (r.value ->> 1)::bigint)
        ELSE r.value END)
      FROM json_each(l.recorded) AS r
    )
    FROM (
      SELECT trackable_id, (extract(epoch FROM event_time - date_bin(
        '15 minutes', event_time, timestamptz '2000-01-01 00:00+00')) * 1000)::bigint AS newest
      FROM pms_latest
    ) n
    WHERE n.trackable_id = l.trackable_id AND l.recorded::text NOT IN ('{}', 'null')"""


def upgrade() -> None:
    op.execute(_TURN)


def downgrade() -> None:
    op.execute(_TURN)
