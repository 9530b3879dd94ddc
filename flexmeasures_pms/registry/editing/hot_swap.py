"""Hot swap (A4.7): a pack reports another PMS or dock than is registered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from flexmeasures_pms.deadline import check
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.editing.change import Author, Change
from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.editing.spots import spot_for
from flexmeasures_pms.registry.editing.writer import editing
from flexmeasures_pms.registry.messages.message import english, period_of, place_of, since
from flexmeasures_pms.registry.timeline import (
    FOREVER,
    Installation,
    Spot,
    next_begin,
    row_at,
    with_row,
    without,
)


@dataclass(frozen=True, slots=True)
class DockReport:
    """Where a case reports to be.

    :param dock: counted across the PMS; None while the EHub has not allocated one.
    :param author: of the move, if it is not that of all.
    """

    case_id: int
    pms_id: int
    dock: int | None
    at: datetime
    author: str | None = None


def record_moves(account_id: int, reports: Iterable[DockReport], author: Author) -> Change:
    """Record where cases report to be, in the order of the reports' times.

    :param author: of the moves whose report names none.
    """
    ordered = sorted(reports, key=lambda r: r.at)
    numbers = {number for r in ordered for number in (r.case_id, r.pms_id)}
    with editing(account_id, author, numbers=numbers, replay=False) as changeset:
        for report in ordered:
            check()
            changeset.author = replace(author, name=report.author or author.name)
            record_move(changeset, report)
    return changeset.change()


def record_move(changeset: Changeset, report: DockReport) -> None:
    """Record where a case reports to be, until the next that is known of it or its place.

    A case that is registered in that dock is removed from it for that time. A case that
    reports no dock and is registered anywhere in the PMS stays where it is. One that is
    retired is nowhere, whatever it reports.
    """
    case, pms = changeset.view.entries[report.case_id], changeset.view.entries[report.pms_id]
    rows, at = changeset.rows(case.id), report.at
    if case.is_retired(at):
        return
    row = row_at(rows, at)
    spot: Spot = (pms.id, "dock", None)
    if report.dock is not None:
        spot = spot_for(changeset, case, pms, report.dock, at)
    elif row is not None and changeset.view.pms_of(case.id, at) == pms:
        return
    if row is not None and row.spot == spot:
        return
    in_spot = changeset.in_spot(spot)
    end = min(row.end if row else FOREVER, next_begin(rows, at), next_begin(in_spot, at))
    end = min(end, case.retired_at or FOREVER)
    new = Installation(case.id, *spot, at, end)
    _remove_occupant(changeset, row_at(in_spot, at), new)
    changeset.place(case.id, with_row(rows, new), "moved" if rows else "installed", at)
    place, when = place_of(changeset.view, new, changeset.now), period_of(new)
    changeset.add_message(
        "{what} reports from {place}, {period}.", what=case, place=place, period=when
    )


def _remove_occupant(changeset: Changeset, taken: Installation | None, new: Installation) -> None:
    if taken is None:
        return
    entries = changeset.view.entries
    other: Entry = entries[taken.part_id]
    note = f"{english(entries[new.part_id])} reported its dock"
    kept = without(changeset.rows(other.id), new.begin, min(new.end, taken.end))
    changeset.place(other.id, kept, "removed", new.begin, note)
    place, begin = place_of(changeset.view, taken, changeset.now), since(new.begin)
    changeset.add_message(
        "So {what} is no longer in {place}, {since}.", what=other, place=place, since=begin
    )
