"""The place of a part in an assembly."""

from __future__ import annotations

from datetime import datetime
from shlex import quote

from flexmeasures_pms.errors import RegistryConflict
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.docks import docks_across, meant_docks
from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.kinds import (
    CABINET,
    CASE,
    DEFAULT_DOCKS,
    MAX_DOCKS,
    PMS,
    SITE,
    SLOTS,
    Slot,
    slot_for,
)
from flexmeasures_pms.registry.messages.message import AnyKindText, KindText, Message, message
from flexmeasures_pms.registry.timeline import Spot, iso, row_at


def spot_for(
    changeset: Changeset,
    part: Entry,
    assembly: Entry,
    place: int | None,
    at: datetime,
    *,
    exact: bool = False,
    verb: str = "install",
) -> Spot:
    """Return the place for a part in an assembly at a time.

    Without ``place`` a part keeps the place that it has in this assembly; a cell block
    or cabinet takes the first free one; a case in a PMS has none as long as its dock is
    not known. A dock of a PMS is a dock of one of its cabinets where the cabinet is known.

    :param place: of a case in a cabinet: the dock as the cabinet counts, or as it is counted
        across the PMS.
    :param exact: whether the dock of a cabinet is certainly as the cabinet counts.
    :param verb: the command to advise where a number may mean two docks.
    :raises RegistryConflict: if the part does not fit there, or the number may mean two docks.
    """
    slot = slot_for(assembly.kind, part.kind)
    if slot is None:
        raise RegistryConflict(_does_not_fit(part, assembly))
    if assembly.kind == SITE:
        return _in_site(assembly, slot, place)
    if assembly.kind == PMS and part.kind == CASE and place is not None:
        in_cabinet = changeset.view.cabinet_at(assembly.id, place, at)
        if in_cabinet is not None:
            return in_cabinet[0].id, slot.name, in_cabinet[1]
    places = slot.places or assembly.docks or DEFAULT_DOCKS
    if place is None:
        return assembly.id, slot.name, _default_place(changeset, part, assembly, slot, at)
    if slot.name == "dock" and assembly.kind == CABINET and not exact:
        place = _dock_of_cabinet(changeset, part, assembly, place, at, verb)
    if not 1 <= place <= places:
        raise _no_such_place(changeset, slot, assembly, place, places, at)
    return assembly.id, slot.name, place


def _in_site(site: Entry, slot: Slot, place: int | None) -> Spot:
    if place is not None:
        said = message("{what} has no numbered places: leave the place out.", what=site)
        raise RegistryConflict(said)
    return site.id, slot.name, None


def _dock_of_cabinet(
    changeset: Changeset, case: Entry, cabinet: Entry, number: int, at: datetime, verb: str
) -> int:
    """Return a dock as its cabinet counts, for a number that a person gave."""
    meant = meant_docks(changeset.view, cabinet, number, at)
    if len(meant) < 2:
        return meant[0] if meant else number
    own, counted = meant
    across = docks_across(changeset.view, cabinet, at) or range(0)
    row = changeset.view.installed(cabinet.id, at)
    pms = changeset.view.entries[row.assembly_id] if row else cabinet
    other = across.start + own - 1
    named = f"{quote(case.ident)} --kind {case.kind}"
    told = f"`{verb} {named} --into {quote(pms.ident)} --into-kind {PMS} --place"
    when = "" if at == changeset.now else f" --at {iso(at)}"
    more = " …" if verb == "correct" else when
    if changeset.is_new(case.id):  # it is not registered after this refusal
        told = f"register it without a dock, then {told}"
    raise RegistryConflict(
        message(
            "Dock {n} of {cabinet} may be its own dock {n}, which is dock {other} of {pms}, or "
            "dock {n} of {pms}, which is its own dock {counted}.",
            n=own,
            cabinet=cabinet,
            pms=pms,
            other=other,
            counted=counted,
        ),
        command=f"for the first, {told} {other}{more}`; for the second, give --place {own} there",
        cure="two_docks",
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


def _no_such_dock(
    changeset: Changeset, cabinet: Entry, number: int, places: int, at: datetime
) -> RegistryConflict:
    across = docks_across(changeset.view, cabinet, at) or range(1, places + 1)
    row = changeset.view.installed(cabinet.id, at)
    if row is None or across.start == 1:
        what = message("{what} has docks 1-{most}, not {n}.", what=cabinet, most=places, n=number)
    else:
        what = message(
            "{what} has docks 1-{most}, which are docks {first}-{last} of {pms}, not {n}.",
            what=cabinet,
            most=places,
            first=across.start,
            last=across.stop - 1,
            pms=changeset.view.entry(row.assembly_id),
            n=number,
        )
    needed = number if number < across.start else number - across.start + 1
    if not places < needed <= MAX_DOCKS or changeset.is_new(cabinet.id):
        return RegistryConflict(what, cure="no_dock")
    more = f"`correct {quote(cabinet.ident)} --kind cabinet --docks {needed} --note …`"
    return RegistryConflict(what, command=f"if it has more, {more} says so", cure="docks")


def _no_such_place(
    changeset: Changeset, slot: Slot, assembly: Entry, place: int, places: int, at: datetime
) -> RegistryConflict:
    if slot.places is None:
        return _no_such_dock(changeset, assembly, place, places, at)
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
