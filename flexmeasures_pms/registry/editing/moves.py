"""Installing, removing, swapping and moving parts."""

from __future__ import annotations

from datetime import datetime
from shlex import quote

from flexmeasures_pms.errors import RegistryConflict
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.editing.packs import holds_packs
from flexmeasures_pms.registry.editing.rehoming import take_over_docks
from flexmeasures_pms.registry.editing.spots import spot_for
from flexmeasures_pms.registry.kinds import CABINET
from flexmeasures_pms.registry.messages.message import (
    message,
    message_form,
    period_of,
    place_of,
    since,
)
from flexmeasures_pms.registry.timeline import (
    FOREVER,
    SINCE_EVER,
    Installation,
    Spot,
    ended_at,
    iso,
    next_begin,
    row_at,
    with_row,
    without,
)

INSTALLED = message_form("Installed {what} in {place}, {period}.")
MOVED = message_form("Moved {what} to {place}, from {left}, {period}.")
REMOVED = message_form("Removed {what} from {left}, {since}.")
SWAPPED = message_form("Swapped {old} for {new} in {place}, {period}.")
SWAPPED_FROM = message_form("Swapped {old} for {new} in {place}, {period}; {new} was in {left}.")


def install(
    changeset: Changeset,
    part: Entry,
    assembly: Entry,
    place: int | None = None,
    at: datetime | None = None,
    *,
    exact: bool = False,
) -> None:
    """Install a part: it leaves where it was, and its new place must be free.

    :param place: position in the slot, where there are several.
    :param at: None for no start if neither part nor place was used before, else now.
    :param exact: whether a dock of a cabinet is certainly as the cabinet counts.
    :raises RegistryConflict: if it does not fit, or another part is there, or it or the
        assembly is retired.
    """
    moment = changeset.now if at is None else at
    spot = spot_for(changeset, part, assembly, place, moment, exact=exact)
    rows, in_spot = changeset.rows(part.id), changeset.in_spot(spot)
    begin = at or (changeset.now if rows or in_spot else SINCE_EVER)
    row = row_at(rows, begin)
    if row is not None and row.spot == spot:
        here = place_of(changeset.view, row, changeset.now)
        changeset.add_unchanged("{what} is in {place} already.", what=part, place=here)
        return
    refuse_retired(part, moment)
    refuse_retired(assembly, moment)
    _refuse_taken(changeset, part, row_at(in_spot, begin), at)
    end = min(row.end if row else FOREVER, next_begin(rows, begin), next_begin(in_spot, begin))
    end = min(end, part.retired_at or FOREVER)
    _record_installation(changeset, Installation(part.id, *spot, begin, end))


def _record_installation(changeset: Changeset, new: Installation) -> None:
    """Record an installation: it replaces the part's other installations of that time."""
    part = changeset.view.entries[new.part_id]
    rows = changeset.rows(part.id)
    left = row_at(rows, new.begin)
    verb = "installed" if left is None else "moved"
    changeset.place(part.id, with_row(rows, new), verb, new.begin)
    _add_installed_message(changeset, part, left, new)
    if part.kind == CABINET:
        take_over_docks(changeset, new)


def _add_installed_message(
    changeset: Changeset, part: Entry, left: Installation | None, new: Installation
) -> None:
    view, now = changeset.view, changeset.now
    place, when = place_of(view, new, now), period_of(new)
    if left is None:
        changeset.add_message(INSTALLED, what=part, place=place, period=when)
    else:
        was = place_of(view, left, now)
        changeset.add_message(MOVED, what=part, place=place, left=was, period=when)


def refuse_retired(thing: Entry, at: datetime) -> None:
    """Refuse something that is out of use at a time.

    :raises RegistryConflict: if it is retired then.
    """
    if thing.retired_at is not None and thing.is_retired(at):
        raise RegistryConflict(
            message("{what} is retired, {since}.", what=thing, since=since(thing.retired_at)),
            command=f"`revive {quote(thing.ident)} --kind {thing.kind}` brings it back into use",
            cure="retired",
        )


def _refuse_taken(
    changeset: Changeset, part: Entry, taken: Installation | None, at: datetime | None
) -> None:
    if taken is None:
        return
    other = changeset.view.entries[taken.part_id]
    place, when = place_of(changeset.view, taken, changeset.now), period_of(taken)
    if place.slot is None or not place.slot.numbered:
        holder = message("{place} has {what} {period}.", place=place, what=other, period=when)
    else:
        holder = message(
            "{place} is taken by {what} {period}.", place=place, what=other, period=when
        )
    raise RegistryConflict(holder, command=_room(changeset, part, other, at), cure="taken")


def _room(changeset: Changeset, part: Entry, other: Entry, at: datetime | None) -> str:
    """Return the commands that make room for a part, as they work now."""
    when = "" if at is None else f" --at {iso(at)}"
    packs = " --with-packs" if holds_packs(changeset, other, part) else ""
    remove = f"`remove {quote(other.ident)} --kind {other.kind}{packs}{when}` first"
    if changeset.is_new(part.id):  # it is not registered after this refusal
        return f"use {remove}"
    swap = f"swap {quote(other.ident)} {quote(part.ident)} --kind {part.kind}{packs}{when}"
    return f"use `{swap}`, or {remove}"


def remove(changeset: Changeset, part: Entry, at: datetime | None = None) -> None:
    """Remove a part from where it is at a time (by default now)."""
    moment = at or changeset.now
    rows = changeset.rows(part.id)
    row = row_at(rows, moment)
    if row is None:
        changeset.add_message("{what} is not installed anywhere at {t}.", what=part, t=moment)
        return
    changeset.place(part.id, without(rows, moment, row.end), "removed", moment)
    left = place_of(changeset.view, row, changeset.now)
    changeset.add_message(REMOVED, what=part, left=left, since=since(moment))


def swap(changeset: Changeset, old: Entry, new: Entry, at: datetime | None = None) -> None:
    """Let a part take another's place at a time (by default now); the other is then nowhere.

    :raises RegistryConflict: if the old part is not installed then, or the new does not fit, or
        it or the assembly is retired.
    """
    begin = at or changeset.now
    row = row_at(changeset.rows(old.id), begin)
    if row is None and _swapped_already(changeset, old, new, at):
        changeset.add_unchanged("{new} has taken the place of {old} already.", new=new, old=old)
        return
    if row is None:
        raise RegistryConflict(
            message("{what} is not installed anywhere at {t}.", what=old, t=begin),
            command=f"`history {quote(old.ident)} --kind {old.kind}` shows where it was",
            cure="not_installed",
        )
    if old.id == new.id:
        raise RegistryConflict(message("{what} can't take its own place.", what=old))
    _replace_in_place(changeset, old, new, row, begin)


def _replace_in_place(
    changeset: Changeset, old: Entry, new: Entry, row: Installation, begin: datetime
) -> None:
    """Record the new part in the place of a row of the old one, from ``begin``."""
    assembly = changeset.view.entries[row.assembly_id]
    spot = spot_for(changeset, new, assembly, row.place, begin, exact=True)
    refuse_retired(new, begin)
    refuse_retired(assembly, begin)
    new_rows = changeset.rows(new.id)
    left = row_at(new_rows, begin)
    end = min(row.end, next_begin(new_rows, begin), next_begin(changeset.in_spot(spot), begin))
    end = min(end, new.retired_at or FOREVER)
    changeset.place(old.id, without(changeset.rows(old.id), begin, row.end), "swapped", begin)
    installed = Installation(new.id, *spot, begin, end)
    changeset.place(new.id, with_row(new_rows, installed), "swapped", begin)
    view, now = changeset.view, changeset.now
    place, period = place_of(view, installed, now), period_of(installed)
    if left is None:
        changeset.add_message(SWAPPED, old=old, new=new, place=place, period=period)
        return
    was = place_of(view, left, now)
    changeset.add_message(SWAPPED_FROM, old=old, new=new, place=place, period=period, left=was)


def _swapped_already(changeset: Changeset, old: Entry, new: Entry, at: datetime | None) -> bool:
    """Whether the new part follows the old one in its last place, since ``at`` if given."""
    successor = row_at(changeset.rows(new.id), at or changeset.now)
    if successor is None or (at is not None and successor.begin != at):
        return False
    left = ended_at(changeset.rows(old.id), successor.begin)
    return left is not None and left.spot == successor.spot


def occupant(changeset: Changeset, spot: Spot, part_id: int, at: datetime) -> Entry | None:
    """Return the other part that is in a place at a time."""
    row = row_at(changeset.in_spot(spot), at)
    taken = row is not None and row.part_id != part_id
    return changeset.view.entries[row.part_id] if row is not None and taken else None
