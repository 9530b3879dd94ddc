"""Cases that were known by their PMS's dock before its cabinet was registered."""

from __future__ import annotations

from flexmeasures_pms.registry.editing.book import Book
from flexmeasures_pms.registry.messages.telling import placed
from flexmeasures_pms.registry.timeline import Installation, next_begin, row_at, with_row


def take_over_docks(book: Book, cabinet: Installation) -> None:
    """Put cases that were in a PMS directly into the cabinet that has just come there.

    A gateway reports docks counted across the PMS, and so a case can be at dock 3 of a
    PMS while no cabinet is known. As soon as one is, that is the cabinet's dock 3.
    """
    for row in book.view.by_assembly.get(cabinet.assembly_id, ()):
        if row.slot != "dock" or row.place is None:
            continue
        begin, end = max(row.begin, cabinet.begin), min(row.end, cabinet.end)
        found = book.view.cabinet_at(cabinet.assembly_id, row.place, begin)
        if begin >= end or found is None or found[0].id != cabinet.part_id:
            continue
        docked = Installation(row.part_id, cabinet.part_id, "dock", found[1], begin, end)
        others = book.others_in(docked.spot, row.part_id)
        if row_at(others, begin) is None:
            docked = docked.between(begin, min(end, next_begin(others, begin)))
            case = book.view.entries[row.part_id]
            book.place(case.id, with_row(book.rows(case.id), docked), "moved", begin)
            place = placed(book.view.entries, docked)
            book.say("So {what} is in {place}.", what=case, place=place)
