"""Changing the registry of an organisation.

Each function works in the caller's database transaction and holds a lock on the
organisation's registry until that ends. It enters what it does in the list of
transactions and returns it as a :class:`~.changeset.Change`. To make
several changes at once, open the registry with
:func:`~flexmeasures_pms.registry.editing.writer.editing` and use the functions behind these.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Unpack

from flexmeasures_pms.registry.editing import correction, hot_swap, moves, registration
from flexmeasures_pms.registry.editing.changeset import Author, Change, combine
from flexmeasures_pms.registry.editing.hot_swap import DockReport
from flexmeasures_pms.registry.editing.parents import check_parent
from flexmeasures_pms.registry.editing.writer import editing, link_assets

__all__ = [
    "Author",
    "Change",
    "DockReport",
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
    with editing(account_id, author) as changeset:
        entry = registration.register(changeset, kind, ident, **details)
    return entry.id, changeset.change()


def add_alias(account_id: int, board_id: int, alias: str, *, author: Author) -> Change:
    """Let an acquisition board be known under one more spelling of its id."""
    with editing(account_id, author) as changeset:
        registration.add_alias(changeset, changeset.view.entry(board_id), alias)
    return changeset.change()


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
    with editing(account_id, author) as changeset:
        part, assembly = changeset.view.entry(part_id), changeset.view.entry(assembly_id)
        moves.install(changeset, part, assembly, place, at)
    return changeset.change()


def remove(account_id: int, part_id: int, *, at: datetime | None = None, author: Author) -> Change:
    """Remove a part from where it is at a time (by default now)."""
    with editing(account_id, author) as changeset:
        moves.remove(changeset, changeset.view.entry(part_id), at)
    return changeset.change()


def swap(
    account_id: int, old_id: int, new_id: int, *, at: datetime | None = None, author: Author
) -> Change:
    """Let a part take another's place; the other is then installed nowhere."""
    with editing(account_id, author) as changeset:
        moves.swap(changeset, changeset.view.entry(old_id), changeset.view.entry(new_id), at)
    return changeset.change()


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
    with editing(account_id, author) as changeset:
        assembly = None if assembly_id is None else changeset.view.entry(assembly_id)
        part = changeset.view.entry(part_id)
        correction.correct(changeset, part, assembly, place=place, since=since, until=until)
    return changeset.change()


def record_move(
    account_id: int,
    case_id: int,
    pms_id: int,
    dock: int | None,
    at: datetime,
    author: Author,
) -> Change:
    """Record where a case reports to be; see :func:`record_moves` for many at once."""
    return record_moves(account_id, [DockReport(case_id, pms_id, dock, at)], author)


def record_moves(account_id: int, reports: Iterable[DockReport], author: Author) -> Change:
    """Record where cases report to be, in the order of the reports' times."""
    ordered = sorted(reports, key=lambda r: r.at)
    numbers = {number for r in ordered for number in (r.case_id, r.pms_id)}
    with editing(account_id, author, numbers=numbers) as changeset:
        for report in ordered:
            hot_swap.record_move(changeset, report)
    return changeset.change()
