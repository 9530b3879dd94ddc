"""How long things were in their places, and why they left them.

A spell is an installation as it is known now. It ends with a swap if the transaction that ended it
says so, and the thing was in no other place right after it.
"""

from __future__ import annotations

from flexmeasures_pms.registry.questions.subject import ORIGINS, PRODUCT, SUPPLIER

FAULT = "fault"

# Where no start is known, the registration of the thing says that it was there; what ended before
# that has no known length, and is left out.
SPELLS = f"""
    SELECT t.id AS thing, {PRODUCT} AS product_id, o.batch_id, {SUPPLIER} AS supplier_id,
      coalesce(lower(i.valid), t.created_at) AS begin, NOT lower_inf(i.valid) AS has_start,
      least(upper(i.valid), %(at)s::timestamptz) AS until,
      upper(i.valid) <= %(at)s::timestamptz AS ended
    FROM {ORIGINS}
    JOIN pms_trackable t ON t.id = o.trackable_id AND t.kind = %(kind)s
    JOIN pms_installation i ON i.part_id = t.id AND upper_inf(i.known)
      AND coalesce(lower(i.valid), t.created_at) < least(upper(i.valid), %(at)s::timestamptz)
    WHERE {{condition}}"""  # noqa: S608 - of constants

# Few have ended: only their transactions are looked for. The one that ended a spell is the last
# before the next spell: its time may have been corrected since. What was taken out for a fault
# counts as swapped.
ENDED = f"""
    SELECT s.*, e.cause, n.again, NOT n.followed AND (coalesce(e.verb, '') = 'swapped'
      OR e.verb IN ('removed', 'retired') AND e.cause = '{FAULT}') AS swapped
    FROM ({SPELLS} AND upper(i.valid) <= %(at)s::timestamptz) s
    CROSS JOIN LATERAL (
      SELECT coalesce(min(lower(n.valid)) = s.until, false) AS followed,
        coalesce(min(lower(n.valid)), 'infinity') AS next,
        coalesce(min(lower(n.valid)) < %(at)s::timestamptz, false) AS again
      FROM pms_installation n
      WHERE n.part_id = s.thing AND upper_inf(n.known) AND lower(n.valid) >= s.until
    ) n
    LEFT JOIN LATERAL (
      SELECT x.verb, x.cause FROM pms_transaction x
      WHERE x.trackable_id = s.thing AND x.verb IN ('swapped', 'removed', 'retired', 'moved')
        AND x.effective_at > s.begin AND x.effective_at < n.next
      ORDER BY x.effective_at DESC, x.id DESC LIMIT 1
    ) e ON true"""  # noqa: S608 - of constants
