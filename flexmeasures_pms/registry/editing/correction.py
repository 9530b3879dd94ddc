"""Correcting a recorded installation (A4.6): the neighbours give way."""

from __future__ import annotations

from datetime import datetime, timedelta

from flexmeasures_pms.errors import RegistryConflict
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.editing.spots import spot_for
from flexmeasures_pms.registry.messages.message import PeriodText, message, stays
from flexmeasures_pms.registry.timeline import (
    Installation,
    Rows,
    next_begin,
    previous_end,
    with_row,
    without,
)


def correct(
    changeset: Changeset,
    part: Entry,
    assembly: Entry | None = None,
    *,
    place: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> None:
    """Correct an installation: where the part was, since when, or until when.

    Of several installations in ``assembly`` the one nearest to the given times is meant;
    without ``assembly`` the latest. Where it now begins earlier or ends later, the
    neighbouring installations of the part and of the place are trimmed, or gone when
    wholly covered. Where it begins later or ends earlier, a neighbour that it adjoined
    follows: a swap that was recorded at the wrong time has one moment, not two.

    :raises RegistryConflict: if the part was never installed, or the times contradict.
    """
    rows = changeset.rows(part.id)
    if not rows:
        raise RegistryConflict(
            message("{what} was never installed, so there is nothing to correct.", what=part),
            command="use `install`",
            cure="never_installed",
        )
    meant = _corrected_row(rows, assembly, since, until)
    begin, end = since or meant.begin, until or meant.end
    if begin >= end:
        raise RegistryConflict(
            message(
                "{what} can't be there {period}: it would end before it begins.",
                what=part,
                period=PeriodText(begin, end),
            )
        )
    target, spot = meant, meant.spot
    if assembly is not None and (place is not None or assembly.id != meant.assembly_id):
        spot = spot_for(
            changeset, part, assembly, place or _same_place(changeset, meant, assembly), begin
        )
    _apply(changeset, target, Installation(part.id, *spot, begin, end))


def _same_place(changeset: Changeset, row: Installation, assembly: Entry) -> int | None:
    same_kind = changeset.view.entries[row.assembly_id].kind == assembly.kind
    return row.place if same_kind else None


def _corrected_row(
    rows: Rows, assembly: Entry | None, since: datetime | None, until: datetime | None
) -> Installation:
    """Return the row that is corrected, or that the correction replaces in part."""
    candidates = [r for r in rows if assembly is not None and r.assembly_id == assembly.id]

    def distance(row: Installation) -> tuple[timedelta, timedelta]:
        apart = timedelta(0)
        apart += abs(row.begin - since) / 2 if since else timedelta(0)
        apart += abs(row.end - until) / 2 if until else timedelta(0)
        return apart, -(row.begin - rows[0].begin)

    if candidates or assembly is None:
        return min(candidates or rows[-1:], key=distance)
    covering = [r for r in rows if since is not None and r.begin <= since < r.end]
    return (covering or rows[-1:])[0]


def _apply(changeset: Changeset, old: Installation, new: Installation) -> None:
    corrected = old.spot == new.spot
    rows = tuple(r for r in changeset.rows(new.part_id) if not (corrected and r == old))
    changed: dict[int, Rows] = {new.part_id: rows}
    if corrected:
        _extend_neighbours(changeset, old, new, changed)
    changed[new.part_id] = with_row(changed[new.part_id], new)
    for other in changeset.others_in(new.spot, new.part_id):
        held = changed.get(other.part_id, changeset.rows(other.part_id))
        spot = tuple(r for r in held if r.spot == new.spot)
        elsewhere = tuple(r for r in held if r.spot != new.spot)
        kept = (*elsewhere, *without(spot, new.begin, new.end))
        changed[other.part_id] = tuple(sorted(kept, key=lambda r: r.begin))
    if not sum([_record(changeset, part_id, rows, new.begin) for part_id, rows in changed.items()]):
        part = changeset.view.entries[new.part_id]
        changeset.add_unchanged("{what} is registered so already.", what=part)


def _record(changeset: Changeset, part_id: int, rows: Rows, at: datetime) -> bool:
    entries, before = changeset.view.entries, changeset.rows(part_id)
    differs = changeset.place(part_id, rows, "corrected", at)
    if differs:
        now = stays(entries, (row for row in changeset.rows(part_id) if row not in before))
        was = stays(entries, (row for row in before if row not in changeset.rows(part_id)))
        part = entries[part_id]
        changeset.add_message("Corrected {what}: {now} (was: {was}).", what=part, now=now, was=was)
    return differs


def _extend_neighbours(
    changeset: Changeset, old: Installation, new: Installation, changed: dict[int, Rows]
) -> None:
    """Extend what adjoined the old row over the time that the corrected one gives back."""
    part_rows = [r for r in changeset.rows(old.part_id) if r != old]
    for row in (*part_rows, *changeset.others_in(old.spot, old.part_id)):
        begin, end = row.begin, row.end
        # Neither may the neighbour be elsewhere by then, nor its place be taken.
        limits = (
            *(r for r in changeset.rows(row.part_id) if r not in (row, old)),
            *(r for r in changeset.others_in(row.spot, row.part_id) if r != old),
        )
        if row.end == old.begin < new.begin:
            end = min(new.begin, next_begin(limits, row.begin))
        if row.begin == old.end > new.end:
            begin = max(new.end, previous_end(limits, row.end))
        if (begin, end) != (row.begin, row.end):
            held = changed.get(row.part_id, changeset.rows(row.part_id))
            changed[row.part_id] = with_row((r for r in held if r != row), row.between(begin, end))
