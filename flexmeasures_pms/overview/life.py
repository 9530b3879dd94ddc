"""A pack's life as rows of a timeline: where it was, and which boards and blocks it had."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from flexmeasures_pms.registry.directory import Directory
from flexmeasures_pms.registry.kinds import CELL_BLOCK, PMS
from flexmeasures_pms.registry.messages.moments import shifted
from flexmeasures_pms.registry.timeline import FOREVER, SINCE_EVER, Installation, overlapping

MOST_STAYS = 200
"""Of one place: a timeline with more can't be read, and a page with thousands takes megabytes."""

_A_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Stay:
    """A part or pack in its place for a period.

    :param kind: of what is named: what the pack was in, or what was in the pack.
    :param dock: counted across the PMS, for a place of the pack.
    :param begin: None if unknown; ``end`` is None while it lasts.
    """

    kind: str
    ident: str
    begin: datetime | None
    end: datetime | None
    dock: int | None = None


@dataclass(frozen=True, slots=True)
class Lane:
    """The occupants of one place, in order of time.

    :param code: ``pms`` and ``dock`` for where the pack was, else the kind of part.
    :param place: which of several, for cell blocks.
    """

    code: str
    place: int | None
    stays: tuple[Stay, ...]


def lanes(registered: Directory, case_id: int, now: datetime) -> tuple[Lane, ...]:
    """Return a case's life; for cell blocks only the positions where one was replaced.

    Of each place the last :data:`MOST_STAYS`.
    """
    found = [
        Lane("pms", None, tuple(_joined(_pms(registered, case_id)))),
        Lane("dock", None, tuple(_docks(registered, case_id, now))),
        *_parts(registered, case_id),
    ]
    return tuple(lane for lane in found if lane.stays)


def turns(life: Iterable[Lane]) -> tuple[datetime, ...]:
    """Return the moments of all changes in a life, in order of time."""
    ends = ((s.begin, s.end) for lane in life for s in lane.stays)
    return tuple(sorted({time for pair in ends for time in pair if time is not None}))


def _stay(registered: Directory, number: int, begin: datetime, end: datetime) -> Stay:
    entry = registered.entry(number)
    return Stay(
        entry.kind,
        entry.ident,
        None if begin == SINCE_EVER else begin,
        None if end == FOREVER else end,
    )


def _docks(registered: Directory, case_id: int, now: datetime) -> Iterator[Stay]:
    for row in registered.by_part.get(case_id, ())[-MOST_STAYS:]:
        last = shifted(min(row.end, now), -_A_MOMENT)
        dock = registered.dock_across(case_id, last) if row.begin <= last else row.place
        yield replace(_stay(registered, row.assembly_id, row.begin, row.end), dock=dock)


def _pms(registered: Directory, case_id: int) -> Iterator[Stay]:
    for row in registered.by_part.get(case_id, ())[-MOST_STAYS:]:
        if registered.entry(row.assembly_id).kind == PMS:
            yield _stay(registered, row.assembly_id, row.begin, row.end)
            continue
        above = registered.by_part.get(row.assembly_id, ())
        for upper in above[overlapping(above, row.begin, row.end)]:
            begin, end = max(row.begin, upper.begin), min(row.end, upper.end)
            if begin < end:
                yield _stay(registered, upper.assembly_id, begin, end)


def _joined(stays: Iterable[Stay]) -> Iterator[Stay]:
    """Join periods that follow without a break: a pack that changes its dock stays in its PMS."""
    last: Stay | None = None
    for stay in stays:
        if last is None:
            last = stay
        elif last.ident == stay.ident and last.end == stay.begin:
            last = replace(last, end=stay.end)
        else:
            yield last
            last = stay
    if last is not None:
        yield last


def _parts(registered: Directory, case_id: int) -> Iterator[Lane]:
    def place(row: Installation) -> tuple[str, str, int]:
        return row.slot, registered.entry(row.part_id).kind, row.place or 0

    rows = sorted(registered.by_assembly.get(case_id, ()), key=lambda r: (place(r), r.begin))
    for (_slot, kind, number), group in groupby(rows, key=place):
        last = deque(group, MOST_STAYS)
        stays = tuple(_stay(registered, row.part_id, row.begin, row.end) for row in last)
        if kind != CELL_BLOCK or len(stays) > 1 or stays[0].end or stays[0].begin:
            yield Lane(kind, number or None, stays)
