"""The place of a part in an assembly."""

from __future__ import annotations

from datetime import datetime

from flexmeasures_pms.errors import RegistryConflict
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.docks import docks_across, meant_docks
from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.kinds import (
    CABINET,
    CASE,
    DEFAULT_DOCKS,
    PMS,
    SLOTS,
    Slot,
    slot_for,
)
from flexmeasures_pms.registry.messages.message import AnyKindText, KindText, Message, message
from flexmeasures_pms.registry.timeline import Spot, row_at


def spot_for(
    changeset: Changeset,
    part: Entry,
    assembly: Entry,
    place: int | None,
    at: datetime,
    *,
    exact: bool = False,
) -> Spot:
    """Return the place for a part in an assembly at a time.

    Without ``place`` a part keeps the place that it has in this assembly; a cell block
    or cabinet takes the first free one; a case in a PMS has none as long as its dock is
    not known. A dock of a PMS is a dock of one of its cabinets where the cabinet is known.

    :param place: of a case in a cabinet: the dock as the cabinet counts, or as it is counted
        across the PMS.
    :param exact: whether the dock of a cabinet is certainly as the cabinet counts.
    :raises RegistryConflict: if the part does not fit there, or the number may mean two docks.
    """
    slot = slot_for(assembly.kind, part.kind)
    if slot is None:
        raise RegistryConflict(_does_not_fit(part, assembly))
    if assembly.kind == PMS and part.kind == CASE and place is not None:
        in_cabinet = changeset.view.cabinet_at(assembly.id, place, at)
        if in_cabinet is not None:
            return in_cabinet[0].id, slot.name, in_cabinet[1]
    places = slot.places or assembly.docks or DEFAULT_DOCKS
    if place is None:
        return assembly.id, slot.name, _default_place(changeset, part, assembly, slot, at)
    if slot.name == "dock" and assembly.kind == CABINET and not exact:
        place = _dock_of_cabinet(changeset, assembly, place, at)
    if not 1 <= place <= places:
        raise _no_such_place(slot, assembly, place, places)
    return assembly.id, slot.name, place


def _dock_of_cabinet(changeset: Changeset, cabinet: Entry, number: int, at: datetime) -> int:
    """Return a dock as its cabinet counts, for a number that a person gave."""
    meant = meant_docks(changeset.view, cabinet, number, at)
    if len(meant) < 2:
        return meant[0] if meant else number
    own, counted = meant
    across = docks_across(changeset.view, cabinet, at) or range(0)
    row = changeset.view.installed(cabinet.id, at)
    pms = changeset.view.entries[row.assembly_id] if row else cabinet
    raise RegistryConflict(
        message(
            "Dock {n} of {cabinet} may be its own dock {n}, which is dock {other} of {pms}, or "
            "dock {n} of {pms}, which is its own dock {counted}: say it as a dock of {pms}.",
            n=own,
            cabinet=cabinet,
            pms=pms,
            other=across.start + own - 1,
            counted=counted,
        ),
        cure="which_dock",
    )


def _default_place(
    changeset: Changeset, part: Entry, assembly: Entry, slot: Slot, at: datetime
) -> int | None:
    if slot.places == 1:
        return 1
    row = row_at(changeset.rows(part.id), at)
    if row is not None and row.assembly_id == assembly.id:
        return row.place
    if part.kind == CASE and assembly.kind == PMS:
        return None
    if slot.places is None:
        raise RegistryConflict(
            message(
                "Which dock of {assembly} is {what} in? Give its number.",
                assembly=assembly,
                what=part,
            ),
            cure="which_dock",
        )
    used = {
        r.place
        for r in changeset.view.by_assembly.get(assembly.id, ())
        if r.slot == slot.name and r.end > at
    }
    free = [place for place in range(1, slot.places + 1) if place not in used]
    if not free:
        raise RegistryConflict(
            message(
                "All {n} {places}s of {assembly} are taken: remove or swap one.",
                n=slot.places,
                places=KindText(slot.words),
                assembly=assembly,
            )
        )
    return free[0]


def _does_not_fit(part: Entry, assembly: Entry) -> Message:
    fitting = tuple(slot.assembly for slot in SLOTS if part.kind in slot.parts)
    if not fitting:
        return message("{what} can't be installed in anything.", what=part)
    return message(
        "{what} can't be installed in {assembly}: it is installed in a {kinds}.",
        what=part,
        assembly=assembly,
        kinds=AnyKindText(fitting),
    )


def _no_such_place(slot: Slot, assembly: Entry, place: int, places: int) -> RegistryConflict:
    if slot.places is None:
        what = message("{what} has docks 1-{most}, not {n}.", what=assembly, most=places, n=place)
        more = "register it with --docks if it has more" if assembly.docks is None else ""
        return RegistryConflict(what, command=more, cure="docks")
    kind = KindText(slot.words)
    if places == 1:
        one = message("{what} has one {kind}: leave the place out.", what=assembly, kind=kind)
        return RegistryConflict(one)
    return RegistryConflict(
        message(
            "{what} has {places}s 1-{most}, not {n}.",
            what=assembly,
            places=kind,
            most=places,
            n=place,
        )
    )
