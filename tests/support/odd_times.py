"""Times at the ends of the calendar, put into the registry past every check."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from flexmeasures.data import db
from support.site import Site

ODD_TIMES = ("0001-01-01T00:00:01+00:00", "9999-12-31T23:59:59+00:00", "infinity", "-infinity")

_AGAIN = """
    INSERT INTO pms_transaction (account_id, request_id, recorded_at, effective_at, author, verb,
                                 trackable_id, kind, ident, before, after, note)
    SELECT account_id, request_id, recorded_at, :at, author, verb, trackable_id, kind, ident,
           before, after, note
    FROM pms_transaction WHERE trackable_id = :part"""
_VALID = "UPDATE pms_installation SET valid = CAST(:valid AS tstzrange) WHERE part_id = :part"


def store_odd_time(site: Site, part: tuple[str, str], bound: str) -> None:
    """Let a registered part be in its place since an end of the calendar, or until one."""
    if "infinity" in bound:
        valid = f"[{bound},)" if bound.startswith("-") else f"(,{bound})"
        number = site.number(*part)
        db.session.execute(sa.text(_VALID), {"valid": valid, "part": number})
        db.session.execute(sa.text(_AGAIN), {"at": bound, "part": number})
        db.session.commit()
    elif bound.startswith("0001"):
        site.correct(part, since=datetime(1, 1, 1, 0, 0, 1, tzinfo=UTC))
    else:
        site.remove(part, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
