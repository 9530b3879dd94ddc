"""Correcting a recorded installation (A4.6): the neighbours give way."""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from shlex import quote

from flexmeasures_pms.errors import RegistryConflict
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.editing.change import OrderAsked
from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.editing.moves import refuse_retired
from flexmeasures_pms.registry.editing.spots import spot_for
from flexmeasures_pms.registry.messages.message import PeriodText, message, message_form, stays
from flexmeasures_pms.registry.timeline import (
    FOREVER,
    SINCE_EVER,
    Installation,
    Rows,
    ended_at,
    next_begin,
    overlapping,
    previous_end,
    row_at,
    with_row,
    without,
)

_UNCHANGED = message_form("{what} is registered so already.")


def correct(
    changeset: Changeset,
    part: Entry,
    assembly: Entry | None = None,
    *,
    place: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    exact: bool = False,
) -> None:
    """Correct an installation: where the part was, since when, or until when.

    Of several installations in ``assembly`` the one nearest to the given times is meant, of
    those that hold at some of that time where there are any; without ``assembly`` the latest.
    Where it now begins earlier or ends later, the
    neighbouring installations of the part and of the place are trimmed, or gone when
    wholly covered. Where it begins later or ends earlier, a neighbour that it adjoined
    follows: a swap that was recorded at the wrong time has one moment, not two.

    A correction that says the same as the last that was recorded of the part is that one,
    sent again: what it corrected may have been joined with its neighbours since, and another
    installation be the nearest now.

    :param exact: whether a dock of a cabinet is certainly as the cabinet counts.
    :raises RegistryConflict: if the part was never installed, or the times contradict, or it
        would be installed although it is retired.
    """
    rows = changeset.rows(part.id)
    asked = _asked(assembly, place, since, until)
    if asked == changeset.last_asked(part.id):
        changeset.add_unchanged(_UNCHANGED, what=part)
        return
    if not rows:
        raise RegistryConflict(
            message("{what} was never installed, so there is nothing to correct.", what=part),
            command=f"use `install {quote(part.ident)} --into …`",
            cure="never_installed",
        )
    meant = _corrected_row(rows, assembly, since, until)
    if assembly is None and place is not None:
        assembly = changeset.view.entries[meant.assembly_id]
    begin, end = since or meant.begin, until or meant.end
    if begin >= end:
        raise RegistryConflict(
            message(
                "{what} can't be there {period}: it would end before it begins.",
                what=part,
                period=PeriodText(begin, end),
            )
        )
    _refuse_retired(part, assembly, begin, end)
    target, spot = meant, meant.spot
    if assembly is not None and (place is not None or assembly.id != meant.assembly_id):
        kept = _same_place(changeset, meant, assembly) if place is None else None
        exact, wanted = exact or place is None, kept if place is None else place
        spot = spot_for(changeset, part, assembly, wanted, begin, exact=exact, verb="correct")
    _apply(changeset, target, Installation(part.id, *spot, begin, end), asked)


def _asked(
    assembly: Entry | None, place: int | None, since: datetime | None, until: datetime | None
) -> OrderAsked:
    """Return what a correction says, as its transaction keeps it."""
    said = {
        "assembly_id": assembly and assembly.id,
        "place": place,
        "since": since and since.astimezone(UTC).isoformat(),
        "until": until and until.astimezone(UTC).isoformat(),
    }
    return {name: value for name, value in said.items() if value is not None}


def _refuse_retired(part: Entry, assembly: Entry | None, begin: datetime, end: datetime) -> None:
    """Refuse that a part is somewhere after it was retired; of earlier times it may be."""
    if part.retired_at is not None and end > part.retired_at:
        refuse_retired(part, part.retired_at)
    if assembly is not None:
        refuse_retired(assembly, begin)


def _same_place(changeset: Changeset, row: Installation, assembly: Entry) -> int | None:
    same_kind = changeset.view.entries[row.assembly_id].kind == assembly.kind
    return row.place if same_kind else None


def _corrected_row(
    rows: Rows, assembly: Entry | None, since: datetime | None, until: datetime | None
) -> Installation:
    """Return the row that is corrected, or that the correction replaces in part."""
    candidates = [r for r in rows if assembly is not None and r.assembly_id == assembly.id]
    begin, end = since or SINCE_EVER, until or FOREVER
    candidates = [r for r in candidates if r.begin < end and begin < r.end] or candidates

    def distance(row: Installation) -> tuple[timedelta, timedelta]:
        apart = timedelta(0)
        apart += abs(row.begin - since) / 2 if since else timedelta(0)
        apart += abs(row.end - until) / 2 if until else timedelta(0)
        return apart, -(row.begin - rows[0].begin)

    if candidates or assembly is None:
        return min(candidates or rows[-1:], key=distance)
    covering = [r for r in rows if since is not None and r.begin <= since < r.end]
    return (covering or rows[-1:])[0]


def _apply(changeset: Changeset, old: Installation, new: Installation, asked: OrderAsked) -> None:
    corrected = old.spot == new.spot
    rows = changeset.rows(new.part_id)
    changed: dict[int, Rows] = {new.part_id: _less(rows, old) if corrected else rows}
    if corrected:
        _extend_neighbours(changeset, old, new, changed)
    changed[new.part_id] = with_row(changed[new.part_id], new)
    in_spot = changeset.in_spot(new.spot)
    for other in in_spot[overlapping(in_spot, new.begin, new.end)]:
        if other.part_id != new.part_id:
            held = changed.get(other.part_id, changeset.rows(other.part_id))
            cut = max(other.begin, new.begin), min(other.end, new.end)
            changed[other.part_id] = without(held, *cut)
    own = {new.part_id: asked}
    differs = [
        _record(changeset, part_id, rows, new.begin, own.get(part_id))
        for part_id, rows in changed.items()
    ]
    if not any(differs):
        changeset.add_unchanged(_UNCHANGED, what=changeset.view.entries[new.part_id])


def _record(
    changeset: Changeset,
    part_id: int,
    rows: Rows,
    at: datetime,
    asked: OrderAsked | None,
) -> bool:
    view, before = changeset.view, changeset.rows(part_id)
    differs = changeset.place(part_id, rows, "corrected", at, asked=asked)
    if differs:
        after = changeset.rows(part_id)
        known, wanted = set(before), set(after)
        now = stays(view, (row for row in after if row not in known), changeset.now)
        was = stays(view, (row for row in before if row not in wanted), changeset.now)
        part = view.entries[part_id]
        changeset.add_message("Corrected {what}: {now} (was: {was}).", what=part, now=now, was=was)
    return differs


def _extend_neighbours(
    changeset: Changeset, old: Installation, new: Installation, changed: dict[int, Rows]
) -> None:
    """Extend what adjoined the old row over the time that the corrected one gives back."""
    of_part, in_spot = changeset.rows(old.part_id), changeset.in_spot(old.spot)
    around = (ended_at(of_part, old.begin), row_at(of_part, old.end))
    beside = (ended_at(in_spot, old.begin), row_at(in_spot, old.end))
    for row in (*around, *(r for r in beside if r and r.part_id != old.part_id)):
        if row is None:
            continue
        begin, end = row.begin, row.end
        # Neither may the neighbour be elsewhere by then, nor its place be taken.
        limits = changeset.rows(row.part_id), changeset.in_spot(row.spot)
        if row.end == old.begin < new.begin:
            end = min(new.begin, *(_next_begin(rows, row, old) for rows in limits))
            end = min(end, changeset.view.entries[row.part_id].retired_at or FOREVER)
        if row.begin == old.end > new.end:
            begin = max(new.end, *(_previous_end(rows, row, old) for rows in limits))
        if (begin, end) != (row.begin, row.end):
            held = changed.get(row.part_id, changeset.rows(row.part_id))
            changed[row.part_id] = with_row(_less(held, row), row.between(begin, end))


def _less(rows: Rows, row: Installation) -> Rows:
    at = bisect_left(rows, row.begin, key=attrgetter("begin"))
    return rows[:at] + rows[at + 1 :] if rows[at : at + 1] == (row,) else rows


def _next_begin(rows: Rows, row: Installation, old: Installation) -> datetime:
    """Return when the first row after one begins that is not the old one."""
    begin = next_begin(rows, row.begin)
    return next_begin(rows, begin) if row_at(rows, begin) == old else begin


def _previous_end(rows: Rows, row: Installation, old: Installation) -> datetime:
    """Return when the last row before one ends that is not the old one."""
    end = previous_end(rows, row.end)
    return previous_end(rows, end) if ended_at(rows, end) == old else end
