"""Service and retirement: what is recorded of a trackable besides where it is installed."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from flexmeasures.data import db

from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.editing import moves
from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.messages.message import since
from flexmeasures_pms.registry.tables import transaction
from flexmeasures_pms.registry.timeline import row_at


def record_service(changeset: Changeset, entry: Entry, at: datetime | None = None) -> None:
    """Record that something was serviced; what was done is the author's note."""
    moment = at or changeset.now
    changeset.record("serviced", entry, at=moment)
    note = changeset.author.note or ""
    changeset.add_message("Entered that {what} was serviced: {note}.", what=entry, note=note)


def record_retirement(changeset: Changeset, entry: Entry, at: datetime | None = None) -> None:
    """Record that something is out of use for good, and remove it from where it is.

    Its telemetry and history stay. Installing it again brings it back.
    """
    moment = at or changeset.now
    if row_at(changeset.rows(entry.id), moment) is not None:
        moves.remove(changeset, entry, moment)
    elif _is_retired(entry):
        changeset.add_unchanged("{what} is retired already.", what=entry)
        return
    changeset.record("retired", entry, at=moment)
    changeset.add_message("Retired {what}, {since}.", what=entry, since=since(moment))


def _is_retired(entry: Entry) -> bool:
    last = (
        sa.select(transaction.c.verb)
        .where(transaction.c.trackable_id == entry.id, transaction.c.verb != "serviced")
        .order_by(transaction.c.id.desc())
        .limit(1)
    )
    return bool(db.session.scalar(last) == "retired")
