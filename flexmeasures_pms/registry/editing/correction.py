"""Mending a recorded installation (A4.6): the neighbours give way."""

from __future__ import annotations

from datetime import datetime, timedelta

from flexmeasures_pms.errors import RegistryConflict
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.editing.book import Book
from flexmeasures_pms.registry.editing.spots import spot_for
from flexmeasures_pms.registry.messages.telling import Period, stays, tell
from flexmeasures_pms.registry.timeline import (
    Installation,
    Rows,
    next_begin,
    previous_end,
    with_row,
    without,
)


def correct(
    book: Book,
    part: Entry,
    assembly: Entry | None = None,
    *,
    place: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> None:
    """Mend an installation: where the part was, since when, or until when.

    Of several installations in ``assembly`` the one nearest to the given times is meant;
    without ``assembly`` the latest. Where it now begins earlier or ends later, the
    neighbouring installations of the part and of the place are trimmed, or gone when
    wholly covered. Where it begins later or ends earlier, a neighbour that it adjoined
    follows: a swap that was recorded at the wrong time has one moment, not two.

    :raises RegistryConflict: if the part was never installed, or the times contradict.
    """
    rows = book.rows(part.id)
    if not rows:
        raise RegistryConflict(
            tell("{what} was never installed, so there is nothing to correct.", what=part),
            command="use `install`",
            cure="never_installed",
        )
    meant = _meant(rows, assembly, since, until)
    begin, end = since or meant.begin, until or meant.end
    if begin >= end:
        raise RegistryConflict(
            tell(
                "{what} can't be there {period}: it would end before it begins.",
                what=part,
                period=Period(begin, end),
            )
        )
    target, spot = meant, meant.spot
    if assembly is not None and (place is not None or assembly.id != meant.assembly_id):
        spot = spot_for(book, part, assembly, place or _same_place(book, meant, assembly), begin)
    _apply(book, target, Installation(part.id, *spot, begin, end))


def _same_place(book: Book, row: Installation, assembly: Entry) -> int | None:
    same_kind = book.view.entries[row.assembly_id].kind == assembly.kind
    return row.place if same_kind else None


def _meant(
    rows: Rows, assembly: Entry | None, since: datetime | None, until: datetime | None
) -> Installation:
    """Return the row that is mended, or that gives way to what is now said."""
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


def _apply(book: Book, old: Installation, new: Installation) -> None:
    before = {new.part_id: book.rows(new.part_id)}
    mended = old.spot == new.spot
    rows = tuple(r for r in book.rows(new.part_id) if not (mended and r == old))
    changed: dict[int, Rows] = {new.part_id: rows}
    if mended:
        _neighbours_follow(book, old, new, changed)
    changed[new.part_id] = with_row(changed[new.part_id], new)
    for other in book.others_in(new.spot, new.part_id):
        held = changed.get(other.part_id, book.rows(other.part_id))
        before[other.part_id] = book.rows(other.part_id)
        spot = tuple(r for r in held if r.spot == new.spot)
        elsewhere = tuple(r for r in held if r.spot != new.spot)
        kept = (*elsewhere, *without(spot, new.begin, new.end))
        changed[other.part_id] = tuple(sorted(kept, key=lambda r: r.begin))
    if not sum([_enter(book, part_id, rows, new.begin) for part_id, rows in changed.items()]):
        part = book.view.entries[new.part_id]
        book.say_already("{what} is registered so already.", what=part)


def _enter(book: Book, part_id: int, rows: Rows, at: datetime) -> bool:
    entries, before = book.view.entries, book.rows(part_id)
    differs = book.place(part_id, rows, "corrected", at)
    if differs:
        now = stays(entries, (row for row in book.rows(part_id) if row not in before))
        was = stays(entries, (row for row in before if row not in book.rows(part_id)))
        part = entries[part_id]
        book.say("Corrected {what}: {now} (was: {was}).", what=part, now=now, was=was)
    return differs


def _neighbours_follow(
    book: Book, old: Installation, new: Installation, changed: dict[int, Rows]
) -> None:
    """Let what adjoined the old row fill the time that the mended one gives back."""
    part_rows = [r for r in book.rows(old.part_id) if r != old]
    for row in (*part_rows, *book.others_in(old.spot, old.part_id)):
        begin, end = row.begin, row.end
        # Neither may the neighbour be elsewhere by then, nor its place be taken.
        limits = (
            *(r for r in book.rows(row.part_id) if r not in (row, old)),
            *(r for r in book.others_in(row.spot, row.part_id) if r != old),
        )
        if row.end == old.begin < new.begin:
            end = min(new.begin, next_begin(limits, row.begin))
        if row.begin == old.end > new.end:
            begin = max(new.end, previous_end(limits, row.end))
        if (begin, end) != (row.begin, row.end):
            held = changed.get(row.part_id, book.rows(row.part_id))
            changed[row.part_id] = with_row((r for r in held if r != row), row.between(begin, end))
