"""Installing, removing, swapping and moving parts."""

from __future__ import annotations

from datetime import datetime

from flexmeasures_pms.errors import RegistryConflict
from flexmeasures_pms.registry.book import Book
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.kinds import CABINET
from flexmeasures_pms.registry.rehoming import take_over_docks
from flexmeasures_pms.registry.spots import spot_for
from flexmeasures_pms.registry.timeline import (
    FOREVER,
    SINCE_EVER,
    Installation,
    Rows,
    Spot,
    next_begin,
    row_at,
    with_row,
    without,
)
from flexmeasures_pms.registry.wording import capital, moment, named, period, since, where


def install(
    book: Book, part: Entry, assembly: Entry, place: int | None = None, at: datetime | None = None
) -> None:
    """Install a part: it leaves where it was, and its new place must be free.

    :param place: position in the slot, where there are several.
    :param at: None for since ever if neither part nor place was used before, else now.
    :raises RegistryConflict: if it does not fit, or another part is there.
    """
    spot = spot_for(book, part, assembly, place, book.now if at is None else at)
    rows, others = book.rows(part.id), book.others_in(spot, part.id)
    begin = at or (book.now if rows or others else SINCE_EVER)
    row = row_at(rows, begin)
    if row is not None and row.spot == spot:
        book.say_already(f"{capital(named(part))} is in {where(book.view.entries, row)} already.")
        return
    _refuse_taken(book, part, row_at(others, begin))
    end = min(row.end if row else FOREVER, next_begin(rows, begin), next_begin(others, begin))
    put(book, Installation(part.id, *spot, begin, end), "moved" if row else "installed")


def put(book: Book, new: Installation, verb: str, note: str | None = None) -> None:
    """Enter an installation: whatever else the part did at that time gives way."""
    part = book.view.entries[new.part_id]
    rows = book.rows(part.id)
    left = row_at(rows, new.begin)
    book.place(part.id, with_row(rows, new), verb, new.begin, note)
    come_from = "" if left is None else f", from {where(book.view.entries, left)}"
    place = where(book.view.entries, new)
    preposition = "to" if verb == "moved" else "in"
    book.say(f"{capital(verb)} {named(part)} {preposition} {place}{come_from}, {period(new)}.")
    if part.kind == CABINET:
        take_over_docks(book, new)


def _refuse_taken(book: Book, part: Entry, taken: Installation | None) -> None:
    if taken is None:
        return
    other = book.view.entries[taken.part_id]
    place = where(book.view.entries, taken)
    holder = (
        f"{place} has {named(other)}"
        if place.startswith(("case", "cabinet"))
        else (f"{place} is taken by {named(other)}")
    )
    raise RegistryConflict(
        f"{capital(holder)} {period(taken)}",
        command=f"use `swap {other.ident} {part.ident}`, or `remove {other.ident}` first",
        cure="taken",
    )


def remove(book: Book, part: Entry, at: datetime | None = None) -> None:
    """Remove a part from where it is at a time (by default now)."""
    moment_ = at or book.now
    rows = book.rows(part.id)
    row = row_at(rows, moment_)
    if row is None:
        book.say(f"{capital(named(part))} is not installed anywhere at {moment(moment_)}.")
        return
    book.place(part.id, without(rows, moment_, row.end), "removed", moment_)
    book.say(f"Removed {named(part)} from {where(book.view.entries, row)}, {since(moment_)}.")


def swap(book: Book, old: Entry, new: Entry, at: datetime | None = None) -> None:
    """Let a part take another's place at a time (by default now); the other is then nowhere.

    :raises RegistryConflict: if the old part is not installed then, or the new does not fit.
    """
    begin = at or book.now
    row = row_at(book.rows(old.id), begin)
    if row is None:
        if _swapped_already(book, old, new, at):
            book.say_already(f"{capital(named(new))} has taken the place of {named(old)} already.")
            return
        raise RegistryConflict(
            f"{capital(named(old))} is not installed anywhere at {moment(begin)}",
            command=f"`history {old.ident}` shows where it was",
            cure="not_installed",
        )
    if old.id == new.id:
        raise RegistryConflict(f"{capital(named(old))} can't take its own place.")
    spot = spot_for(book, new, book.view.entries[row.assembly_id], row.place, begin)
    new_rows, others = book.rows(new.id), _less(book.others_in(spot, new.id), old.id)
    end = min(row.end, next_begin(new_rows, begin), next_begin(others, begin))
    book.place(old.id, without(book.rows(old.id), begin, row.end), "swapped", begin)
    installed = Installation(new.id, *spot, begin, end)
    book.place(new.id, with_row(new_rows, installed), "swapped", begin)
    book.say(
        f"Swapped {named(old)} for {named(new)} in {where(book.view.entries, installed)}, "
        f"{period(installed)}."
    )


def _less(rows: Rows, part_id: int) -> Rows:
    return tuple(row for row in rows if row.part_id != part_id)


def _swapped_already(book: Book, old: Entry, new: Entry, at: datetime | None) -> bool:
    """Tell if the new part follows the old one in its last place, since ``at`` if given."""
    successor = row_at(book.rows(new.id), at or book.now)
    if successor is None or (at is not None and successor.begin != at):
        return False
    return any(
        row.spot == successor.spot and row.end == successor.begin for row in book.rows(old.id)
    )


def occupant(book: Book, spot: Spot, part_id: int, at: datetime) -> Entry | None:
    """Return the other part that is in a place at a time."""
    row = row_at(book.others_in(spot, part_id), at)
    return None if row is None else book.view.entries[row.part_id]
