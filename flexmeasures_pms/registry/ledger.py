"""Writing a book's changes: locked, in one go, and only ever adding to what was known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from flexmeasures.data import db
from sqlalchemy.dialects.postgresql import Range, insert

from flexmeasures_pms.registry.book import DETAILS, Author, Book
from flexmeasures_pms.registry.directory import directory, ident_key
from flexmeasures_pms.registry.kinds import BOARD
from flexmeasures_pms.registry.tables import (
    alias,
    installation,
    registry_version,
    trackable,
    transaction,
)
from flexmeasures_pms.registry.timeline import FOREVER, SINCE_EVER, Installation

# The first of two numbers of the advisory lock: "PMS". The second is the organisation.
LOCK = 0x504D53


@contextmanager
def editing(account_id: int, author: Author, *, expected: int = 1) -> Iterator[Book]:
    """Open an organisation's registry for changes, and write them at the end.

    Works in the caller's transaction: nobody else changes this organisation's registry
    until it ends. After an error, or of a discarded book, nothing
    is written.

    :param expected: about how many new trackables to expect.
    """
    db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK, account_id)))
    now = _now(account_id)
    book = Book(directory(account_id), author, now, lambda: _reserve(expected))
    yield book
    if book.entered and not book.discarded:
        _write(book)


def _now(account_id: int) -> datetime:
    # Whole milliseconds, so that what is printed can be asked for again. And no two
    # changes become known at the same moment, whatever the clock does.
    known = (
        sa.select(registry_version.c.changed_at + sa.text("interval '1 millisecond'"))
        .where(registry_version.c.account_id == account_id)
        .scalar_subquery()
    )
    clock = sa.func.date_trunc("milliseconds", sa.func.clock_timestamp())
    moment: datetime = db.session.execute(sa.select(sa.func.greatest(clock, known))).scalar_one()
    return moment.astimezone(UTC)


def _reserve(count: int) -> Iterable[int]:
    query = sa.text(
        "SELECT nextval(pg_get_serial_sequence('pms_trackable', 'id'))"
        " FROM generate_series(1, :count)"
    )
    return [number for (number,) in db.session.execute(query, {"count": count})]


def _write(book: Book) -> None:
    _write_trackables(book)
    _write_aliases(book)
    _write_installations(book)
    _insert(transaction, _transactions(book))
    values = {
        "version": sa.func.nextval("pms_registry_version_seq"),
        "changed_at": book.now,
    }
    statement = insert(registry_version).values(account_id=book.account_id, **values)
    db.session.execute(statement.on_conflict_do_update(index_elements=["account_id"], set_=values))


def _insert(table: sa.Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        db.session.execute(sa.insert(table), rows)


def _write_trackables(book: Book) -> None:
    entries = [book.view.entries[n] for n in book.touched]
    new = [
        {
            "id": entry.id,
            "account_id": book.account_id,
            "kind": entry.kind,
            "ident": entry.ident,
            "ident_key": ident_key(entry.kind, entry.ident),
            "created_at": book.now,
            **{name: getattr(entry, name) for name in DETAILS},
        }
        for entry in entries
        if entry.id not in book.base.entries
    ]
    _insert(trackable, new)
    for entry in entries:
        known = book.base.entries.get(entry.id)
        if known is not None and known != entry:
            details = {name: getattr(entry, name) for name in DETAILS}
            db.session.execute(
                sa.update(trackable).where(trackable.c.id == entry.id).values(details)
            )


def _write_aliases(book: Book) -> None:
    rows = [
        {
            "account_id": book.account_id,
            "trackable_id": number,
            "alias": text,
            "alias_key": ident_key(BOARD, text),
            "created_at": book.now,
        }
        for number in book.touched
        for text in book.view.aliases.get(number, ())
        if text not in book.base.aliases.get(number, ())
    ]
    _insert(alias, rows)


def _write_installations(book: Book) -> None:
    closed: list[int] = []
    new: list[Installation] = []
    for part_id in book.touched:
        before, after = book.base.by_part.get(part_id, ()), book.rows(part_id)
        closed += [row.id for row in before if row not in after]
        new += [row for row in after if not row.id]
    if closed:
        c = installation.c
        known = sa.func.tstzrange(sa.func.lower(c.known), book.now)
        db.session.execute(sa.update(installation).where(c.id.in_(closed)).values(known=known))
    _insert(installation, [_installation_row(book, row) for row in new])


def _installation_row(book: Book, row: Installation) -> dict[str, Any]:
    return {
        "account_id": book.account_id,
        "part_id": row.part_id,
        "assembly_id": row.assembly_id,
        "slot": row.slot,
        "place": row.place,
        "valid": Range(_bound(row.begin), _bound(row.end)),
        "known": Range(book.now, None),
        "request_id": book.author.request_id,
    }


def _bound(moment: datetime) -> datetime | None:
    return None if moment in (SINCE_EVER, FOREVER) else moment


def _transactions(book: Book) -> list[dict[str, Any]]:
    return [
        {
            "account_id": book.account_id,
            "request_id": book.author.request_id,
            "recorded_at": book.now,
            "effective_at": _bound(item.effective_at),
            "author": book.author.name,
            "verb": item.verb,
            "trackable_id": item.entry.id,
            "kind": item.entry.kind,
            "ident": item.entry.ident,
            "before": item.before,
            "after": item.after,
            "note": item.note,
        }
        for item in book.entered
    ]


def link_assets(account_id: int, assets: Mapping[int, int]) -> None:
    """Note the FlexMeasures assets of trackables, given by the trackables' numbers.

    A trigger on the table raises the registry's version, so that all processes see it.
    """
    for number, asset_id in assets.items():
        db.session.execute(
            sa.update(trackable)
            .where(trackable.c.account_id == account_id, trackable.c.id == number)
            .values(asset_id=asset_id)
        )
