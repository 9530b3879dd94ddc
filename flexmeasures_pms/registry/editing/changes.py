"""Changing the registry of an organisation.

Each function works in the caller's database transaction and holds a lock on the
organisation's registry until that ends. It enters what it does in the list of
transactions and returns it as a :class:`~flexmeasures_pms.registry.editing.book.Change`. To make
several changes at once, open the registry with
:func:`~flexmeasures_pms.registry.editing.ledger.editing` and use the functions behind these.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Unpack

from flexmeasures_pms.registry.editing import correction, moves, registration, reported
from flexmeasures_pms.registry.editing.book import Author, Change, combine
from flexmeasures_pms.registry.editing.ledger import editing, link_assets
from flexmeasures_pms.registry.editing.parents import check_parent
from flexmeasures_pms.registry.editing.reported import Report

__all__ = [
    "Author",
    "Change",
    "Report",
    "add_alias",
    "combine",
    "correct",
    "install",
    "link_assets",
    "move_case",
    "record_move",
    "record_moves",
    "register",
    "remove",
    "swap",
]


def register(
    account_id: int,
    kind: str,
    ident: str,
    *,
    author: Author,
    **details: Unpack[registration.Details],
) -> tuple[int, Change]:
    """Register a trackable, or find it registered already; return its number."""
    check_parent(account_id, details.get("parent_asset_id"))
    with editing(account_id, author) as book:
        entry = registration.register(book, kind, ident, **details)
    return entry.id, book.change()


def add_alias(account_id: int, board_id: int, alias: str, *, author: Author) -> Change:
    """Let an acquisition board be known under one more spelling of its id."""
    with editing(account_id, author) as book:
        registration.add_alias(book, book.view.entry(board_id), alias)
    return book.change()


def install(
    account_id: int,
    part_id: int,
    assembly_id: int,
    *,
    place: int | None = None,
    at: datetime | None = None,
    author: Author,
) -> Change:
    """Install a part; see :func:`flexmeasures_pms.registry.editing.moves.install`."""
    with editing(account_id, author) as book:
        part, assembly = book.view.entry(part_id), book.view.entry(assembly_id)
        moves.install(book, part, assembly, place, at)
    return book.change()


def remove(account_id: int, part_id: int, *, at: datetime | None = None, author: Author) -> Change:
    """Remove a part from where it is at a time (by default now)."""
    with editing(account_id, author) as book:
        moves.remove(book, book.view.entry(part_id), at)
    return book.change()


def swap(
    account_id: int, old_id: int, new_id: int, *, at: datetime | None = None, author: Author
) -> Change:
    """Let a part take another's place; the other is then installed nowhere."""
    with editing(account_id, author) as book:
        moves.swap(book, book.view.entry(old_id), book.view.entry(new_id), at)
    return book.change()


def move_case(
    account_id: int,
    case_id: int,
    cabinet_id: int,
    dock: int,
    *,
    at: datetime | None = None,
    author: Author,
) -> Change:
    """Move a case to a dock of a cabinet."""
    return install(account_id, case_id, cabinet_id, place=dock, at=at, author=author)


def correct(
    account_id: int,
    part_id: int,
    *,
    assembly_id: int | None = None,
    place: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    author: Author,
) -> Change:
    """Correct a recorded installation; see :func:`.correction.correct`."""
    with editing(account_id, author) as book:
        assembly = None if assembly_id is None else book.view.entry(assembly_id)
        part = book.view.entry(part_id)
        correction.correct(book, part, assembly, place=place, since=since, until=until)
    return book.change()


def record_move(
    account_id: int,
    case_id: int,
    pms_id: int,
    dock: int | None,
    at: datetime,
    author: Author,
) -> Change:
    """Record where a case reports to be; see :func:`record_moves` for many at once."""
    return record_moves(account_id, [Report(case_id, pms_id, dock, at)], author)


def record_moves(account_id: int, reports: Iterable[Report], author: Author) -> Change:
    """Record where cases report to be, in the order of the reports' times."""
    ordered = sorted(reports, key=lambda r: r.at)
    numbers = {number for r in ordered for number in (r.case_id, r.pms_id)}
    with editing(account_id, author, numbers=numbers) as book:
        for report in ordered:
            reported.record_move(book, report)
    return book.change()
