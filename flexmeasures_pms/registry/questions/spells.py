"""How long things were in their places, and why they left them.

A spell is an installation as it is known now. It ends with a swap if the transaction that ended it
says so, and the thing was in no other place right after it.
"""

from __future__ import annotations

from flexmeasures_pms.registry.questions.subject import ORIGINS, PRODUCT, SUPPLIER

FAULT = "fault"

# Where no start is known, the registration of the thing says that it was there.
SPELLS = f"""
    SELECT t.id AS thing, {PRODUCT} AS product_id, o.batch_id, {SUPPLIER} AS supplier_id,
      coalesce(lower(i.valid), t.created_at) AS begin,
      least(upper(i.valid), %(at)s::timestamptz) AS until,
      upper(i.valid) <= %(at)s::timestamptz AS ended
    FROM {ORIGINS}
    JOIN pms_trackable t ON t.id = o.trackable_id AND t.kind = %(kind)s
    JOIN pms_installation i ON i.part_id = t.id AND upper_inf(i.known)
      AND coalesce(lower(i.valid), t.created_at) < %(at)s::timestamptz
    WHERE {{condition}}"""  # noqa: S608 - of constants

# Few have ended: only their transactions are looked for.
ENDED = f"""
    SELECT s.*, e.cause, e.verb IS NOT NULL AND NOT n.followed AS swapped, n.again
    FROM ({SPELLS} AND upper(i.valid) <= %(at)s::timestamptz) s
    CROSS JOIN LATERAL (
      SELECT coalesce(bool_or(lower(n.valid) = s.until), false) AS followed,
        count(*) > 0 AS again
      FROM pms_installation n WHERE n.part_id = s.thing AND upper_inf(n.known)
      AND lower(n.valid) >= s.until AND lower(n.valid) < greatest(%(at)s, s.until + interval '1 ms')
    ) n
    LEFT JOIN LATERAL (
      SELECT x.verb, x.cause FROM pms_transaction x
      WHERE x.trackable_id = s.thing AND x.effective_at = s.until AND x.verb = 'swapped'
      ORDER BY x.id DESC LIMIT 1
    ) e ON true"""  # noqa: S608 - of constants
