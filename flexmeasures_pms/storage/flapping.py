"""Which packs flap: they are reported from several places in turn, or at once.

A row is written when a request with a pack that flaps is stored, with the readings. It holds as
long as the newest reading of the pack is before ``until``, and until then for a pack that falls
silent: nothing has to be done when the pack is reported from its registered place again, and no
page has to look through what was reported.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from flexmeasures.data import db
from sqlalchemy import case, select
from sqlalchemy.dialects.postgresql import insert

from flexmeasures_pms.storage.tables import flapping, latest


@dataclass(frozen=True, slots=True)
class Flapping:
    """A pack that is reported from several places.

    :param until: it flaps as long as its newest reading is before that.
    :param docks: from which it was reported, at most four.
    """

    case_id: int
    since: datetime
    until: datetime
    docks: tuple[int, ...]


def keep(states: Iterable[Flapping]) -> None:
    """Record which packs flap; one that flapped already flaps since then."""
    rows = [
        {"trackable_id": s.case_id, "since": s.since, "until": s.until, "docks": list(s.docks)}
        for s in sorted(states, key=lambda s: s.case_id)
    ]
    if not rows:
        return
    statement = insert(flapping)
    before, new = flapping.c, statement.excluded
    since = case((before.until >= new.since, before.since), else_=new.since)
    db.session.execute(
        statement.on_conflict_do_update(
            index_elements=["trackable_id"],
            set_={"since": since, "until": new.until, "docks": new.docks},
        ),
        rows,
    )


def flaps_until(case_ids: Collection[int]) -> dict[int, datetime]:
    """Return until when packs flap, or did, of those that ever have."""
    f = flapping.c
    query = select(f.trackable_id, f.until).where(f.trackable_id.in_(case_ids))
    return {number: until.astimezone(UTC) for number, until in db.session.execute(query)}


def flapping_now(case_ids: Collection[int], now: datetime) -> dict[int, Flapping]:
    """Return which of some packs flap, by their number."""
    f = flapping.c
    query = (
        select(flapping)
        .join(latest, latest.c.trackable_id == f.trackable_id)
        .where(f.trackable_id.in_(case_ids), latest.c.event_time < f.until, f.until > now)
    )
    return {
        row.trackable_id: Flapping(
            row.trackable_id,
            row.since.astimezone(UTC),
            row.until.astimezone(UTC),
            tuple(row.docks),
        )
        for row in db.session.execute(query)
    }
