"""The contents of an assembly, place by place, with the empty places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from flexmeasures_pms.registry.directory import Directory, Entry
from flexmeasures_pms.registry.docks import docks_across
from flexmeasures_pms.registry.kinds import CASE, DEFAULT_DOCKS, PMS, SITE, SLOTS, Slot
from flexmeasures_pms.registry.timeline import SINCE_EVER, Installation
from flexmeasures_pms.ui.language.words import _
from flexmeasures_pms.ui.registry.terms import called, place_name, title


@dataclass(frozen=True, slots=True)
class SlotPlace:
    """One place and its part, None while it is empty.

    :param since: since when; None if unknown.
    :param across: the dock counted across the PMS, if that is another number.
    """

    place: int | None
    entry: Entry | None
    since: datetime | None
    across: int | None = None


@dataclass(frozen=True, slots=True)
class SlotGroup:
    """The places of one slot of an assembly."""

    slot: Slot
    spots: tuple[SlotPlace, ...]

    @property
    def taken(self) -> int:
        """How many of the places are taken."""
        return sum(spot.entry is not None for spot in self.spots)


def slot_groups(registered: Directory, assembly: Entry, at: datetime) -> tuple[SlotGroup, ...]:
    """Return the contents of an assembly or site at a time; nothing for other things."""
    rows = registered.parts_of(assembly.id, at)
    found = (
        SlotGroup(slot, tuple(_spots(registered, assembly, slot, rows, at)))
        for slot in SLOTS
        if slot.assembly == assembly.kind
    )
    # A PMS with cabinets has its cases in them: no empty docks of its own are shown.
    return tuple(group for group in found if group.spots)


def _spots(
    registered: Directory,
    assembly: Entry,
    slot: Slot,
    rows: tuple[Installation, ...],
    at: datetime,
) -> Iterator[SlotPlace]:
    there = [row for row in rows if row.slot == slot.name]
    by_place = {row.place: row for row in there if row.place is not None}
    counted = docks_across(registered, assembly, at) if slot.name == "dock" else None
    first = counted.start if counted else 1
    for place in sorted({*_places(assembly, slot), *by_place}):
        across = None if first == 1 else first + place - 1
        yield _spot(registered, by_place.get(place), place, across)
    for row in there:
        if row.place is None:
            yield _spot(registered, row, None, None)


def _places(assembly: Entry, slot: Slot) -> range:
    if assembly.kind == SITE or (assembly.kind == PMS and slot.parts == (CASE,)):
        return range(0)
    return range(1, (slot.places or assembly.docks or DEFAULT_DOCKS) + 1)


def _spot(
    registered: Directory, row: Installation | None, place: int | None, across: int | None
) -> SlotPlace:
    if row is None:
        return SlotPlace(place, None, None, across)
    since = None if row.begin == SINCE_EVER else row.begin
    return SlotPlace(place, registered.entry(row.part_id), since, across)


def _taken(spot: SlotPlace) -> str:
    return f": {called(spot.entry)}" if spot.entry else ""


def dock_choices(
    registered: Directory, cabinet: Entry, at: datetime
) -> tuple[tuple[str, str], ...]:
    """Return the docks of a cabinet by its own numbers, as text with both and what is in them."""
    docks = (group for group in slot_groups(registered, cabinet, at) if group.slot.name == "dock")
    named = (
        (str(spot.place), title(place_name(group.slot, spot.place, spot.across)) + _taken(spot))
        for group in docks
        for spot in group.spots
        if spot.place is not None
    )
    return ("", _("Choose one")), *named
