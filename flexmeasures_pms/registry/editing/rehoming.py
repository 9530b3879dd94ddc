"""Cases that were known by their PMS's dock before its cabinet was registered."""

from __future__ import annotations

from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.messages.message import message_form, place_of
from flexmeasures_pms.registry.timeline import Installation, next_begin, row_at, with_row

TAKEN_OVER = message_form("So {what} is in {place}.")


def take_over_docks(changeset: Changeset, cabinet: Installation) -> None:
    """Put cases that were in a PMS directly into the cabinet that has just come there.

    A gateway reports docks counted across the PMS, and so a case can be at dock 3 of a
    PMS while no cabinet is known. As soon as one is, that is the cabinet's dock 3.
    """
    for row in changeset.view.by_assembly.get(cabinet.assembly_id, ()):
        if row.slot != "dock" or row.place is None:
            continue
        begin, end = max(row.begin, cabinet.begin), min(row.end, cabinet.end)
        found = changeset.view.cabinet_at(cabinet.assembly_id, row.place, begin)
        if begin >= end or found is None or found[0].id != cabinet.part_id:
            continue
        docked = Installation(row.part_id, cabinet.part_id, "dock", found[1], begin, end)
        in_spot = changeset.in_spot(docked.spot)
        if row_at(in_spot, begin) is None:
            docked = docked.between(begin, min(end, next_begin(in_spot, begin)))
            case = changeset.view.entries[row.part_id]
            changeset.place(case.id, with_row(changeset.rows(case.id), docked), "moved", begin)
            place = place_of(changeset.view, docked, changeset.now)
            changeset.add_message(TAKEN_OVER, what=case, place=place)
