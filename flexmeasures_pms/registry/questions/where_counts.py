"""How many things of a product, batch or supplier are in each site and PMS."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flexmeasures.data import db

from flexmeasures_pms.registry.questions.subject import AskedThings
from flexmeasures_pms.registry.questions.where_used import places_sql

_COUNTS = """
    {places}, found AS (
      SELECT w.site_id, w.pms, w.depth > 0 AS installed,
        t.retired_at IS NOT NULL AND t.retired_at <= %(at)s AS retired
      FROM place w JOIN pms_trackable t ON t.id = w.thing
    )
    SELECT s.ident, f.pms, count(*) FILTER (WHERE f.installed),
      count(*) FILTER (WHERE NOT f.installed AND NOT f.retired),
      count(*) FILTER (WHERE NOT f.installed AND f.retired)
    FROM found f LEFT JOIN pms_trackable s ON s.id = f.site_id
    GROUP BY s.ident, f.pms ORDER BY count(*) DESC, s.ident, f.pms"""


@dataclass(frozen=True, slots=True)
class PlaceCount:
    """How many things were in a PMS of a site at a moment; None where they were in none.

    :param not_installed: in no place, and in use.
    :param retired: in no place, and out of use.
    """

    site: str | None
    pms: str | None
    installed: int
    not_installed: int
    retired: int


def where_counts(
    subject: AskedThings, at: datetime, known_at: datetime | None = None
) -> tuple[PlaceCount, ...]:
    """Return how many things a question is about in each PMS, the most first.

    :param known_at: as the registry was at that time; None for as it is known now.
    """
    cursor = db.session.connection().connection.cursor()
    statement = _COUNTS.format(places=places_sql(subject, known_at))
    cursor.execute(statement, subject.values() | {"at": at, "known_at": known_at})
    return tuple(PlaceCount(*row) for row in cursor)
