"""Which packs were in a PMS, in which dock, and when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from flexmeasures_pms.registry.directory import Directory, Entry, RegistryQuery
from flexmeasures_pms.registry.kinds import CABINET, CASE

_A_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class DockStay:
    """A case in one dock of a PMS for a time.

    :param dock: as counted across the PMS; None if unknown.
    :param cabinet: id of the cabinet; None if unknown.
    :param begin: within the requested period; ``end`` is the first moment after it.
    """

    case: Entry
    dock: int | None
    cabinet: str | None
    begin: datetime
    end: datetime


def dock_stays(
    registered: Directory, pms_id: int, start: datetime, end: datetime
) -> tuple[DockStay, ...]:
    """Return the cases that were in a PMS in a period, by dock and time.

    A case that changed its dock is listed once for each dock. Docks are counted as they
    were at the end of each stay.
    """
    registered.expect(RegistryQuery(numbers=[pms_id], parts=True))
    found: list[DockStay] = []
    for stay in sorted(_stays(registered, pms_id, start, end), key=lambda t: (t.case.id, t.begin)):
        last = found[-1] if found else None
        if (
            last
            and last.end == stay.begin
            and replace(stay, begin=last.begin, end=last.end) == last
        ):
            found[-1] = replace(last, end=stay.end)
        else:
            found.append(stay)
    return tuple(sorted(found, key=lambda t: (t.dock is None, t.dock or 0, t.begin, t.case.ident)))


def _stays(
    registered: Directory, assembly_id: int, start: datetime, end: datetime
) -> Iterator[DockStay]:
    assembly = registered.entry(assembly_id)
    cabinet = assembly.ident if assembly.kind == CABINET else None
    for row in registered.by_assembly.get(assembly_id, ()):
        begin, until = max(row.begin, start), min(row.end, end)
        if begin >= until:
            continue
        part = registered.entry(row.part_id)
        if part.kind == CABINET:
            yield from _stays(registered, part.id, begin, until)
        elif part.kind == CASE:
            dock = registered.dock_across(part.id, until - _A_MOMENT)
            yield DockStay(part, dock, cabinet, begin, until)
