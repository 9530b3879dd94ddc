"""What was done in a site, a PMS or anything else that has parts: the log of its service."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flexmeasures.data import db

from flexmeasures_pms.registry.questions.where_used import DEEPEST

VERBS = (
    "installed", "removed", "swapped", "moved", "serviced", "shipped", "returned", "retired",
    "revived", "corrected",
)  # fmt: skip

# Downwards: what was in it, and when. What a thing had while it was elsewhere is not of this place.
# The moment itself belongs to both: what was taken out then was taken out here.
_LOG = """
    WITH RECURSIVE inside AS (
      SELECT %(thing)s::bigint AS id, tstzrange(NULL, NULL) AS during, 0 AS depth
      UNION ALL
      SELECT i.part_id, i.valid * s.during, s.depth + 1
      FROM inside s JOIN pms_installation i ON i.assembly_id = s.id AND upper_inf(i.known)
        AND i.valid && s.during
      WHERE s.depth < {deepest}
    )
    SELECT t.id, t.effective_at, t.recorded_at, t.verb, t.kind, t.ident, t.author, t.person,
      t.cause, t.code, t.document, t.note, t.details
    FROM (
      SELECT DISTINCT x.id FROM inside s
      JOIN pms_transaction x ON x.trackable_id = s.id AND x.account_id = %(account_id)s
        AND x.verb = ANY (%(verbs)s) AND x.effective_at >= %(begin)s AND x.effective_at < %(end)s
        AND tstzrange(lower(s.during), upper(s.during), '[]') @> x.effective_at
    ) n JOIN pms_transaction t ON t.id = n.id
    ORDER BY t.effective_at DESC, t.id DESC LIMIT %(most)s"""


@dataclass(frozen=True, slots=True)
class ServiceEntry:
    """Something that was done, and to which thing; None for what was not said.

    :param at: when it was done.
    :param person: who did it, where that is not the author who entered it.
    """

    id: int
    at: datetime
    recorded_at: datetime
    verb: str
    kind: str
    ident: str
    author: str
    person: str | None
    cause: str | None
    code: str | None
    document: str | None
    note: str | None
    details: dict[str, Any] | None


def service_log(
    account_id: int, thing_id: int, begin: datetime, end: datetime, most: int
) -> Iterator[ServiceEntry]:
    """Yield what was done to a thing and to what was in it, the newest first.

    :param end: not included.
    :param most: how many.
    """
    cursor = db.session.connection().connection.cursor()
    values = {
        "account_id": account_id,
        "thing": thing_id,
        "begin": begin,
        "end": end,
        "verbs": list(VERBS),
        "most": most,
    }
    cursor.execute(_LOG.format(deepest=DEEPEST), values)
    return (ServiceEntry(*row) for row in cursor)
