"""Forms to register new things, and their orders."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from flexmeasures_pms.catalogue.asset_types import ASSET_TYPES
from flexmeasures_pms.registry.directory import Directory
from flexmeasures_pms.registry.editing import assembled, orders
from flexmeasures_pms.registry.editing.assembled import CabinetParts, CaseParts
from flexmeasures_pms.registry.editing.change import Change
from flexmeasures_pms.registry.editing.registration import Details
from flexmeasures_pms.registry.kinds import CABINET, CASE, PMS, SITE
from flexmeasures_pms.ui.language.words import _
from flexmeasures_pms.ui.page.access import Organisation
from flexmeasures_pms.ui.registry.action import at_field, since_ever
from flexmeasures_pms.ui.registry.choices import (
    assemblies,
    assembly_field,
    dock_fields,
    positions,
)
from flexmeasures_pms.ui.registry.corrections import facts_fields, facts_sent, site_fields
from flexmeasures_pms.ui.registry.forms import OWN_DOCK, Filled, FormField
from flexmeasures_pms.ui.registry.subject import CHANGE_THINGS, MAKE_THINGS
from flexmeasures_pms.ui.registry.terms import kind_name

KINDS = tuple(kind.name for kind in ASSET_TYPES)
"""Kinds with their own form; parts are registered where they are installed."""

CELL_BLOCKS = 14


def permission(kind: str, filled: Filled) -> str:
    """Return FlexMeasures' permission to register such a thing.

    Every member may create assets below another asset of the organisation, as in
    FlexMeasures; only its admins and consultants may create assets at the top.
    """
    below = kind == CABINET or (kind == CASE and filled.text("cabinet") is not None)
    return CHANGE_THINGS if below else MAKE_THINGS


def fields(kind: str, filled: Filled, registered: Directory, at: datetime) -> tuple[FormField, ...]:
    """Return the fields of a new thing, besides the note."""
    ident = FormField("ident", _("Id of the {what}", what=kind_name(kind)), required=True,
                  hint=_("As it is written on it, or as the gateway sends it."))  # fmt: skip
    if kind == CASE:
        return (ident, *_place_fields(filled, registered, at), *_case_fields())
    if kind == CABINET:
        return (ident, *_cabinet_fields(filled, registered, at))
    if kind == SITE:
        return (ident, *facts_fields(), *_site_fields())
    return (ident, *_device_fields(filled, registered, at))


def _site_fields() -> tuple[FormField, ...]:
    parent = FormField("parent_asset", _("FlexMeasures asset above it"), "number",
                   _("Its number, if it is to be below another asset."))  # fmt: skip
    return (*site_fields(), parent)


def _device_fields(filled: Filled, registered: Directory, at: datetime) -> tuple[FormField, ...]:
    here = filled.text("site") or ""
    choices = assemblies(registered.account_id, SITE, at, here, blank=_("In no site"))
    if not choices:
        return _site_fields()
    label = _("Which {what}", what=kind_name(SITE))
    field = replace(assembly_field("site", label, choices, value=here), decides=False)
    return (field, *_site_fields())


def _cabinet_fields(filled: Filled, registered: Directory, at: datetime) -> tuple[FormField, ...]:
    here, which = filled.text("pms") or "", _("Which {what}", what=_("position"))
    choices = assemblies(registered.account_id, PMS, at, here)
    pms = registered.find(PMS, here) if here else None
    return (
        assembly_field(
            "pms", _("Which {what}", what=kind_name(PMS)), choices, required=True, value=here
        ),
        FormField("position", which, "choice", options=positions(registered, pms, at),
                  follows=True),
        FormField("docks", _("How many docks it has"), "number", _("12 if you leave it empty.")),
        FormField("ehub", _("Id of the {what}", what=kind_name("ehub"))),
        FormField("busbar", _("Id of the {what}", what=kind_name("busbar"))),
        at_field(since_ever()),
    )  # fmt: skip


def _place_fields(filled: Filled, registered: Directory, at: datetime) -> tuple[FormField, ...]:
    """Return the fields for cabinet and dock: chosen where the cabinet is known, else typed."""
    label, here = _("Which {what}", what=kind_name(CABINET)), filled.text("cabinet") or ""
    blank = _("In no cabinet")
    choices = assemblies(registered.account_id, CABINET, at, here, blank=blank)
    cabinet = assembly_field("cabinet", label, choices, value=here)
    found = registered.find(CABINET, here) if here else None
    if found is not None and not filled.typed("dock"):
        return cabinet, *dock_fields(registered, found, at, filled, filled.text("dock") or "")
    hint = _("By its number in the cabinet, or by that of the PMS, as the gateway reports it.")
    dock = _("Which {what}", what=_("dock"))
    return cabinet, FormField("dock", dock, "number", hint, follows=True)


def _case_fields() -> tuple[FormField, ...]:
    blocks = tuple(
        FormField(f"cell_{n}", f"{kind_name('cell-block')} {n}", group=_("Cell blocks"))
        for n in range(1, CELL_BLOCKS + 1)
    )
    return (
        FormField("board", _("Id of the {what}", what=kind_name("acquisition-board"))),
        FormField("alias", _("Another spelling of its id")),
        FormField("fet_board", _("Id of the {what}", what=kind_name("fet-board"))),
        *blocks,
        at_field(since_ever()),
    )


def make(kind: str, organisation: Organisation, filled: Filled) -> Change:
    """Register the thing with what is in it, in the caller's transaction."""
    if kind == CABINET:
        return _cabinet(organisation, filled)
    return _case(organisation, filled) if kind == CASE else _site(kind, organisation, filled)


def _site(kind: str, organisation: Organisation, filled: Filled) -> Change:
    order, ident = filled.order(organisation.id, at=None), filled.required("ident")
    details = Details(
        timezone=filled.text("timezone"),
        latitude=filled.degrees("latitude"),
        longitude=filled.degrees("longitude"),
        parent_asset_id=filled.number("parent_asset"),
    )
    if kind == SITE:
        return orders.register_site(order, ident, facts_sent(filled), **details)
    return assembled.register_device(order, kind, ident, details, site=filled.text("site"))


def _cabinet(organisation: Organisation, filled: Filled) -> Change:
    parts = CabinetParts(
        filled.number("position"),
        filled.number("docks"),
        filled.text("ehub"),
        filled.text("busbar"),
    )
    order = filled.order(organisation.id)
    ident, pms = filled.required("ident"), filled.required("pms")
    return assembled.register_cabinet(order, ident, pms, parts, taking=True)


def _case(organisation: Organisation, filled: Filled) -> Change:
    alias = filled.text("alias")
    parts = CaseParts(
        filled.text("board"),
        (alias,) if alias else (),
        filled.text("fet_board"),
        tuple(filled.text(f"cell_{n}") or "" for n in range(1, CELL_BLOCKS + 1)),
    )
    cabinet = filled.text("cabinet")
    own = filled.own_dock(cabinet) if cabinet and OWN_DOCK in filled.sent else None
    return assembled.register_case(
        filled.order(organisation.id),
        filled.required("ident"),
        parts,
        cabinet=cabinet,
        dock=filled.number("dock") if own is None else own,
        exact=own is not None,
        taking=True,
    )
