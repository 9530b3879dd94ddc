"""The registry's terms in the language of the page."""

from __future__ import annotations

from datetime import datetime

from flexmeasures_pms.catalogue.asset_types import DEVICE_KINDS
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.kinds import SITE, Slot, words
from flexmeasures_pms.registry.queries.search import Found
from flexmeasures_pms.ui.language.figures import moment
from flexmeasures_pms.ui.language.words import _, mark

TERMS = (
    *(mark("site"), mark("cabinet"), mark("case")),
    *(mark("acquisition board"), mark("FET board"), mark("cell block")),
    *(mark("EHub"), mark("BBC"), mark("busbar"), mark("controller")),
    *(mark("dock"), mark("position"), mark("cell block position")),
)
"""Names of kinds and slots, for translators; devices are in the catalogue."""

SEVERAL = {
    SITE: mark("Sites"),
    **{kind.name: kind.plural for kind in DEVICE_KINDS},
    "cabinet": mark("Cabinets"),
    "case": mark("Cases"),
    "acquisition-board": mark("Acquisition boards"),
    "fet-board": mark("FET boards"),
    "cell-block": mark("Cell blocks"),
    "ehub": mark("EHubs"),
    "bbc": mark("BBCs"),
    "busbar": mark("Busbars"),
}
"""Titles of the tree's top lists, by kind."""

SLOT_TITLES = {
    **{kind.label: kind.plural for kind in DEVICE_KINDS},
    "acquisition board": mark("Acquisition board"),
    "FET board": mark("FET board"),
    "cell block position": mark("Cell blocks"),
    "controller": mark("Controller"),
    "busbar": mark("Busbar"),
    "dock": mark("Docks"),
    "position": mark("Cabinets"),
}
"""Titles of the places of a slot, by the slot's words."""


def kind_name(kind: str) -> str:
    """Return a kind as written in sentences."""
    return _(words(kind))


def kind_title(kind: str) -> str:
    """Return a kind with a capital letter."""
    return title(kind_name(kind))


def title(text: str) -> str:
    """Return a name with a capital letter."""
    return text[:1].upper() + text[1:]


def called(entry: Entry | Found) -> str:
    """Return a thing by its kind and id."""
    return f"{kind_name(entry.kind)} {entry.ident}"


def retired_note(entry: Entry | Found, at: datetime, zone: str) -> str:
    """Return since when something is retired, or is to be, or nothing while it is in use."""
    if entry.retired_at is None:
        return ""
    when = moment(entry.retired_at, zone)
    if entry.retired_at <= at:
        return _("retired since {time}", time=when)
    return _("to be retired at {time}", time=when)


def place_name(slot: Slot, place: int | None, across: int | None = None) -> str:
    """Return a place in an assembly: ``dock 3``, or its part if there is only one place.

    :param across: a dock as it is counted across the PMS, where that is another number.
    """
    if place is None or not slot.numbered:
        return _(slot.words)
    name = f"{_(slot.words)} {place}"
    return name if across is None else f"{name} {_('({n} of the PMS)', n=across)}"


def in_slot(
    slot: Slot | None, place: int | None, kind: str, ident: str, across: int | None = None
) -> str:
    """Return where something is: ``dock 3 (15 of the PMS) of cabinet C2``, or ``case 269``."""
    assembly = f"{kind_name(kind)} {ident}"
    if slot is None or place is None or not slot.numbered:
        return assembly
    return _("{place} of {assembly}", place=place_name(slot, place, across), assembly=assembly)
