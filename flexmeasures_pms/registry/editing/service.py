"""Service and retirement: what is recorded of a trackable besides where it is installed."""

from __future__ import annotations

from datetime import datetime
from shlex import quote

from flexmeasures_pms.errors import RegistryConflict
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.editing.moves import REMOVED
from flexmeasures_pms.registry.messages.message import (
    message,
    message_form,
    place_of,
    since,
)
from flexmeasures_pms.registry.timeline import FOREVER, iso, next_begin, row_at, without

RETIRED = message_form("Retired {what}, {since}.")


def record_service(changeset: Changeset, entry: Entry, at: datetime | None = None) -> None:
    """Record that something was serviced; what was done is the author's note."""
    moment = at or changeset.now
    changeset.record("serviced", entry, at=moment)
    note = changeset.author.note or ""
    changeset.add_message("Entered that {what} was serviced: {note}.", what=entry, note=note)


def record_shipment(changeset: Changeset, entry: Entry, at: datetime | None = None) -> None:
    """Record that something was sent off; where it is installed stays as it is."""
    changeset.record("shipped", entry, at=at or changeset.now)
    changeset.add_message("Entered that {what} was shipped.", what=entry)


def record_return(changeset: Changeset, entry: Entry, at: datetime | None = None) -> None:
    """Record that something was sent back.

    :raises RegistryConflict: if it is installed then.
    """
    moment = at or changeset.now
    row = row_at(changeset.rows(entry.id), moment)
    if row is not None:
        place = place_of(changeset.view, row, changeset.now)
        when = "" if at is None else f" --at {iso(at)}"
        raise RegistryConflict(
            message("{what} is in {place} then.", what=entry, place=place),
            command=f"use `remove {quote(entry.ident)} --kind {entry.kind}{when}` first",
            cure="installed",
        )
    changeset.record("returned", entry, at=moment)
    changeset.add_message("Entered that {what} was returned.", what=entry)


def record_retirement(changeset: Changeset, entry: Entry, at: datetime | None = None) -> None:
    """Record that something is out of use from a time on, and remove it from where it is.

    Its telemetry and history stay, and so does what is in it. Of a time when it was retired
    already the new one counts.
    """
    moment = at or changeset.now
    if entry.retired_at is not None and at in (None, entry.retired_at):
        changeset.add_unchanged("{what} is retired already.", what=entry)
        return
    rows = changeset.rows(entry.id)
    left = row_at(rows, moment) or row_at(rows, next_begin(rows, moment))
    if left is not None:
        changeset.place(entry.id, without(rows, moment, FOREVER), "removed", moment)
        place = place_of(changeset.view, left, changeset.now)
        changeset.add_message(REMOVED, what=entry, left=place, since=since(moment))
    changeset.retire(entry, moment)
    changeset.add_message(RETIRED, what=entry, since=since(moment))


def record_revival(changeset: Changeset, entry: Entry) -> None:
    """Record that something retired is in use again; it is installed nowhere yet."""
    if entry.retired_at is None:
        changeset.add_unchanged("{what} is not retired.", what=entry)
        return
    changeset.retire(entry, None)
    changeset.add_message("Revived {what}: it is in use again.", what=entry)
