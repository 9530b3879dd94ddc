"""Forms to put parts in places: swap, fill a place, install, move, remove."""

from __future__ import annotations

from dataclasses import replace

from flexmeasures_pms.registry.docks import docks_across
from flexmeasures_pms.registry.editing import orders
from flexmeasures_pms.registry.editing.change import Change
from flexmeasures_pms.registry.kinds import (
    CABINET,
    CELL_BLOCK,
    SLOTS,
    Slot,
    interchangeable,
    slot_for,
)
from flexmeasures_pms.registry.queries.browse import not_installed
from flexmeasures_pms.ui.language.words import _
from flexmeasures_pms.ui.registry.action import (
    assemblies_for,
    assembly_kind,
    at_field,
    chosen_kind,
    doubts_about,
    either_number,
    kind_field,
    since_ever,
    up_to,
)
from flexmeasures_pms.ui.registry.choices import (
    assemblies,
    assembly_field,
    dock_fields,
    positions,
)
from flexmeasures_pms.ui.registry.event_fields import cause_fields, work_fields
from flexmeasures_pms.ui.registry.forms import OWN_DOCK, Filled, FormField
from flexmeasures_pms.ui.registry.slots import dock_choices
from flexmeasures_pms.ui.registry.subject import Subject
from flexmeasures_pms.ui.registry.terms import called, in_slot, kind_name, place_name

SPARES = 20
"""How many parts that are not installed are suggested."""


def swap_title(subject: Subject, _filled: Filled) -> str:
    """Return the title."""
    return _("Swap {what}", what=called(subject.entry))


def swap_fields(subject: Subject, _filled: Filled) -> tuple[FormField, ...]:
    """Return the fields for the new part."""
    kinds = interchangeable(subject.entry.kind)
    label = _("Id of the new {what}", what=kind_name(subject.entry.kind))
    hint = _("Type or scan what is written on it.")
    asked = [FormField("new", label, hint=hint, required=True, options=_spares(subject, kinds))]
    if len(kinds) > 1:
        asked.append(kind_field(kinds, subject.entry.kind))
    return (*asked, *cause_fields(), at_field(), *work_fields())


def _spares(subject: Subject, kinds: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Return parts that are not installed, as suggestions; there are too many cell blocks."""
    if CELL_BLOCK in kinds:
        return ()
    return tuple(
        (one.ident, called(one))
        for kind in kinds
        for one in not_installed(
            subject.organisation.id, kind, subject.now, count=SPARES, usable=True
        ).found
    )


def swap(subject: Subject, filled: Filled) -> Change:
    """Put the new part in the place of this one."""
    order = filled.order(subject.organisation.id)
    return orders.swap(
        order,
        subject.entry.ident,
        filled.required("new"),
        kind=chosen_kind(filled, interchangeable(subject.entry.kind), subject.entry.kind),
        new_too=True,
        with_packs=True,
    )


def swap_doubts(subject: Subject, filled: Filled) -> tuple[str, ...]:
    """Return reasons to confirm the new part."""
    return doubts_about(subject, filled.required("new"), interchangeable(subject.entry.kind))


def fill_title(subject: Subject, filled: Filled) -> str:
    """Return the title."""
    slot = _slot(subject, filled)
    assembly = called(subject.entry)
    if not slot.numbered:
        return _("New {what} for {assembly}", what=_(slot.words), assembly=assembly)
    text = filled.text("place") or ""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else None
    kind, ident = subject.entry.kind, subject.entry.ident
    place = in_slot(slot, number, kind, ident, _across(subject, slot, number))
    return _("Fill {place}", place=place)


def _across(subject: Subject, slot: Slot, place: int | None) -> int | None:
    """Return a cabinet's dock as counted across its PMS, where that is another number."""
    if slot.name != "dock" or place is None:
        return None
    counted = docks_across(subject.registered, subject.entry, subject.now)
    return counted.start + place - 1 if counted and counted.start > 1 else None


def fill_fields(subject: Subject, filled: Filled) -> tuple[FormField, ...]:
    """Return the fields for the part and its place."""
    slot = _slot(subject, filled)
    label = _("Id of the {what}", what=kind_name(slot.parts[0]))
    hint = _("Type or scan what is written on it.")
    asked = [
        FormField("part", label, hint=hint, required=True, options=_spares(subject, slot.parts))
    ]
    if len(slot.parts) > 1:
        asked.append(kind_field(slot.parts, slot.parts[0]))
    value = filled.text("place") or ""
    label = _("Which {what}", what=place_name(slot, None))
    if slot.places is None:
        docks = dock_choices(subject.registered, subject.entry, subject.now)
        asked.append(FormField("place", label, "choice", required=True, options=docks, value=value))
    elif slot.numbered:
        asked.append(FormField("place", label, "number", up_to(slot.places), value=value))
    return (*asked, at_field(since_ever()), *work_fields())


def fill(subject: Subject, filled: Filled) -> Change:
    """Install a part in a place of this assembly."""
    slot = _slot(subject, filled)
    return orders.install(
        filled.order(subject.organisation.id),
        filled.required("part"),
        subject.entry.ident,
        kind=chosen_kind(filled, slot.parts, slot.parts[0]),
        into_kinds=(subject.entry.kind,),
        place=filled.number("place"),
        exact=True,
        with_packs=True,
    )


def fill_doubts(subject: Subject, filled: Filled) -> tuple[str, ...]:
    """Return reasons to confirm the part."""
    return doubts_about(subject, filled.required("part"), _slot(subject, filled).parts)


def _slot(subject: Subject, filled: Filled) -> Slot:
    slots = [s for s in SLOTS if s.assembly == subject.entry.kind]
    named = filled.text("slot")
    return next((slot for slot in slots if slot.name == named), slots[0])


def install_title(subject: Subject, _filled: Filled) -> str:
    """Return the title."""
    what = called(subject.entry)
    return _("Move {what}", what=what) if subject.row else _("Install {what}", what=what)


def install_fields(subject: Subject, filled: Filled) -> tuple[FormField, ...]:
    """Return the fields for the assembly and the place in it."""
    kinds = assemblies_for(subject.entry.kind)
    kind = chosen_kind(filled, kinds, assembly_kind(subject), name="into_kind")
    here = _chosen_assembly(subject, filled, kinds, kind)
    asked: list[FormField] = []
    if len(kinds) > 1:
        asked.append(replace(kind_field(kinds, kind, name="into_kind"), decides=True))
    choices = assemblies(subject.organisation.id, kind, subject.now, here)
    into = kind_name(kind) if choices else " / ".join(dict.fromkeys(map(kind_name, kinds)))
    label = _("Which {what}", what=into) if choices else _("Into which {what}", what=into)
    field = assembly_field("into", label, choices, required=True, value=here)
    asked.append(replace(field, kept=not filled.text("into") or bool(here)))
    hint = "" if subject.row else since_ever()
    place = _place_fields(subject, filled, kind, here)
    return (*asked, *place, at_field(hint), *work_fields())


def _chosen_assembly(subject: Subject, filled: Filled, kinds: tuple[str, ...], kind: str) -> str:
    """Return the id of what it is to go in: none if the one that was sent is of another kind."""
    sent, find = filled.text("into"), subject.registered.find
    if sent is None:
        there = subject.assembly if subject.row else None
        return there.ident if there and there.kind == kind else ""
    elsewhere = any(find(other, sent) for other in kinds if other != kind)
    return "" if elsewhere and not find(kind, sent) else sent


def _place_fields(subject: Subject, filled: Filled, kind: str, here: str) -> tuple[FormField, ...]:
    slot = slot_for(kind, subject.entry.kind)
    if slot is None or not slot.numbered:
        return ()
    found = subject.registered.find(kind, here) if here else None
    if found is not None and kind == CABINET and not filled.typed("place"):
        wanted = filled.text("place") or ""
        return dock_fields(subject.registered, found, subject.now, filled, wanted)
    label = _("Which {what}", what=place_name(slot, None))
    if slot.name == "cabinet":
        options = positions(subject.registered, found, subject.now)
        return (FormField("place", label, "choice", options=options, follows=True),)
    return (FormField("place", label, "number", either_number(slot), follows=True),)


def install(subject: Subject, filled: Filled) -> Change:
    """Install this part in an assembly."""
    kinds = assemblies_for(subject.entry.kind)
    into_kind = chosen_kind(filled, kinds, kinds[0], name="into_kind")
    into = filled.required("into")
    chosen = filled.own_dock(into) if into_kind == CABINET and OWN_DOCK in filled.sent else None
    return orders.install(
        filled.order(subject.organisation.id),
        subject.entry.ident,
        into,
        kind=subject.entry.kind,
        into_kinds=(into_kind,),
        place=filled.number("place") if chosen is None else chosen,
        exact=chosen is not None,
        with_packs=True,
    )


def remove(subject: Subject, filled: Filled) -> Change:
    """Remove this part from where it is."""
    order = filled.order(subject.organisation.id)
    return orders.remove(order, subject.entry.ident, kind=subject.entry.kind, with_packs=True)
