"""A trackable's life, from both sides: where it was, and what was in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from flexmeasures.data import db

from flexmeasures_pms.registry.directory import Directory, Entry, installation_record
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.registry.tables import installation, trackable, transaction
from flexmeasures_pms.registry.timeline import Rows, iso


@dataclass(frozen=True, slots=True)
class TrackableHistory:
    """A trackable's life, as it is believed now.

    :param places: where it was installed, in order of time.
    :param parts: what was installed in it, by slot and place.
    :param transactions: what was recorded about it, in the order of recording.
    """

    entry: Entry
    aliases: tuple[str, ...]
    places: Rows
    parts: Rows
    transactions: tuple[dict[str, Any], ...]
    directory: Directory

    def as_json(self) -> dict[str, Any]:
        """Return everything as JSON has it."""
        entries = self.directory.entries
        return {
            "account": self.directory.account_id,
            "kind": self.entry.kind,
            "id": self.entry.ident,
            "aliases": list(self.aliases),
            "retired_at": iso(retired_at) if (retired_at := self.entry.retired_at) else None,
            "installed_in": [installation_record(entries, row) for row in self.places],
            "parts": [
                {
                    "kind": entries[row.part_id].kind,
                    "id": entries[row.part_id].ident,
                    **installation_record(entries, row),
                }
                for row in self.parts
            ],
            "transactions": list(self.transactions),
        }


def history(
    account_id: int, entry_id: int, last: int | None = None, before: int | None = None
) -> TrackableHistory:
    """Return the life of a trackable of an organisation.

    :param last: only so many of its transactions, the last recorded.
    :param before: only transactions of smaller numbers.
    """
    known = load_directory(account_id)
    parts = known.by_assembly.get(entry_id, ())
    return TrackableHistory(
        entry=known.entry(entry_id),
        aliases=known.aliases.get(entry_id, ()),
        places=known.by_part.get(entry_id, ()),
        parts=tuple(sorted(parts, key=lambda r: (r.slot, r.place or 0, r.begin))),
        transactions=tuple(_transactions(account_id, entry_id, last, before))[::-1],
        directory=known,
    )


def _transactions(
    account_id: int, entry_id: int, last: int | None, before: int | None
) -> Iterator[dict[str, Any]]:
    """Yield what was recorded about a trackable, and the parts that were in it, newest first."""
    t = transaction.c
    inside = {"installations": [{"assembly_id": entry_id}]}
    # Found by their number first: no index covers the content of the records.
    parts = db.session.scalars(
        sa.select(installation.c.part_id).where(installation.c.assembly_id == entry_id).distinct()
    )
    query = sa.select(transaction).where(
        t.account_id == account_id,
        t.trackable_id.in_([entry_id, *parts]),
        sa.or_(t.trackable_id == entry_id, t.before.contains(inside), t.after.contains(inside)),
    )
    if before is not None:
        query = query.where(t.id < before)
    for row in db.session.execute(query.order_by(t.id.desc()).limit(last)):
        yield {
            "number": row.id,
            "recorded_at": _iso(row.recorded_at),
            "effective_at": _iso(row.effective_at),
            "author": row.author,
            "verb": row.verb,
            "kind": row.kind,
            "id": row.ident,
            "before": row.before,
            "after": row.after,
            "note": row.note,
            "cause": row.cause,
            "code": row.code,
            "person": row.person,
            "document": row.document,
            "details": row.details,
            "request_id": str(row.request_id),
        }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else iso(at.astimezone(UTC))


def registered_at(number: int) -> datetime | None:
    """Return when a thing was registered, in UTC; None if there is none of that number."""
    query = sa.select(trackable.c.created_at).where(trackable.c.id == number)
    found: datetime | None = db.session.scalar(query)
    return found and found.astimezone(UTC)
