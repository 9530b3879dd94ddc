"""Service, retirement, other spellings of an id, and correcting what was recorded."""

from __future__ import annotations

from dataclasses import replace

from flexmeasures_pms.catalogue.limits import SILENT_AFTER
from flexmeasures_pms.registry.editing import orders
from flexmeasures_pms.registry.editing.change import Change
from flexmeasures_pms.registry.editing.orders import CorrectedInstallation
from flexmeasures_pms.registry.editing.recorded import facts_of
from flexmeasures_pms.registry.kinds import (
    BOARD,
    BUILT_IN,
    CABINET,
    CASE,
    LOCATED,
    SITE,
    slot_for,
)
from flexmeasures_pms.registry.queries.sites import NO_FACTS, SiteFacts
from flexmeasures_pms.storage.readings.latest import latest_of
from flexmeasures_pms.ui.language.words import _, n_
from flexmeasures_pms.ui.registry.action import (
    assemblies_for,
    assembly_kind,
    at_field,
    chosen_kind,
    either_number,
    kind_field,
)
from flexmeasures_pms.ui.registry.choices import assemblies, assembly_field, zone_choices
from flexmeasures_pms.ui.registry.event_fields import cause_fields, findings_fields, work_fields
from flexmeasures_pms.ui.registry.forms import Filled, FormField
from flexmeasures_pms.ui.registry.subject import Subject
from flexmeasures_pms.ui.registry.terms import place_name


def leaving_fields(_subject: Subject, _filled: Filled) -> tuple[FormField, ...]:
    """Return the fields for why, when and by whom something leaves its place."""
    return (*cause_fields(), at_field(), *work_fields())


def service_fields(_subject: Subject, _filled: Filled) -> tuple[FormField, ...]:
    """Return the fields for what was found, by whom and when."""
    return (at_field(), *findings_fields())


def no_fields(_subject: Subject, _filled: Filled) -> tuple[FormField, ...]:
    """Return no field besides the note."""
    return ()


def service(subject: Subject, filled: Filled) -> Change:
    """Record a service."""
    filled.reason(_("Say what was done: it is kept in the history."))
    order = filled.order(subject.organisation.id)
    return orders.service(order, subject.entry.ident, kind=subject.entry.kind)


def retire(subject: Subject, filled: Filled) -> Change:
    """Retire something."""
    order = filled.order(subject.organisation.id)
    return orders.retire(order, subject.entry.ident, kind=subject.entry.kind, with_packs=True)


def retire_doubts(subject: Subject, _filled: Filled) -> tuple[str, ...]:
    """Say what follows when something is retired."""
    entry, now = subject.entry, subject.now
    told = [
        _("It can't be installed anywhere until it is revived. Its history stays.")
        if entry.kind in BUILT_IN
        else _("It is out of use until it is revived. Its history stays.")
    ]
    inside = len(subject.registered.parts_of(entry.id, now))
    if inside:
        told.append(
            n_(
                "What is in it stays in it: {n} part.",
                "What is in it stays in it: {n} parts.",
                inside,
            )
        )
    if entry.kind == CASE:
        told.append(_("If it reports all the same, that is stored, and pages say so."))
    return tuple(told)


def remove_doubts(subject: Subject, _filled: Filled) -> tuple[str, ...]:
    """Say what follows when something is removed."""
    told = [_("Its place is empty afterwards. To put another in it, choose Swap instead.")]
    if _reports_from_a_dock(subject):
        told = [
            _("It still reports: with its next sample it is recorded in that dock again. "
              "Retire it, or take it out first.")
        ]  # fmt: skip
    if subject.entry.kind == BOARD:
        told.append(_("Samples with this board's id wait in quarantine until it is installed."))
    return tuple(told)


def _reports_from_a_dock(subject: Subject) -> bool:
    entry, now = subject.entry, subject.now
    row = latest_of([entry.id]).get(entry.id) if entry.kind == CASE else None
    if row is None or entry.is_retired(now) or "dock" not in row.readings:
        return False
    return bool(now - row.event_time <= SILENT_AFTER)


def revive(subject: Subject, filled: Filled) -> Change:
    """Bring something retired back into use."""
    order = filled.order(subject.organisation.id, at=None)
    return orders.revive(order, subject.entry.ident, kind=subject.entry.kind)


def alias_fields(_subject: Subject, _filled: Filled) -> tuple[FormField, ...]:
    """Return the field for the other spelling."""
    hint = _("As some gateway sends it, or as it is printed elsewhere.")
    return (FormField("alias", _("Another spelling of its id"), required=True, hint=hint),)


def alias(subject: Subject, filled: Filled) -> Change:
    """Add another spelling of a board's id."""
    order = filled.order(subject.organisation.id, at=None)
    return orders.add_alias(order, subject.entry.ident, filled.required("alias"))


def correct_fields(subject: Subject, filled: Filled) -> tuple[FormField, ...]:
    """Return the fields that are recorded of this kind of thing."""
    asked: list[FormField] = []
    kind = subject.entry.kind
    if subject.registered.by_part.get(subject.entry.id):
        hint = _("Empty fields stay as they are.")
        if subject.row is not None:
            hint += " " + _("To undo a move, choose Move instead, and the time of that move.")
        kinds = assemblies_for(kind)
        usual = assembly_kind(subject)
        into_kind = chosen_kind(filled, kinds, usual, name="into_kind")
        if len(kinds) > 1:
            asked.append(replace(kind_field(kinds, usual, name="into_kind"), decides=True))
        account_id, here = subject.organisation.id, filled.text("into") or ""
        blank = _("As it is recorded")
        known = assemblies(account_id, into_kind, subject.now, here, blank=blank)
        field = assembly_field("into", _("Where it really was"), known, hint=hint)
        asked.append(replace(field, decides=False, follows=True))
        slot = slot_for(kinds[0], kind)
        if slot is not None and slot.numbered:
            label = _("Which {what}", what=place_name(slot, None))
            asked.append(FormField("place", label, "number", either_number(slot)))
        asked.append(FormField("since", _("Since when it really was there"), "time"))
        asked.append(FormField("until", _("Until when it really was there"), "time"))
    if kind == CABINET:
        asked.append(FormField("docks", _("How many docks it really has"), "number"))
    if kind in LOCATED:
        asked += site_fields(subject)
    if kind == SITE:
        asked += facts_fields(facts_of(subject.entry.id) or NO_FACTS)
    return tuple(asked)


def site_fields(subject: Subject | None = None) -> tuple[FormField, ...]:
    """Return the fields of a device."""
    known = subject.entry if subject else None

    def shown(value: object) -> str:
        return "" if value is None else str(value)

    zone = shown(known and known.timezone)
    return (
        FormField("timezone", _("Timezone"), "choice", options=zone_choices(zone), value=zone),
        FormField("latitude", _("Degrees north"), "degrees", value=shown(known and known.latitude)),
        FormField(
            "longitude", _("Degrees east"), "degrees", value=shown(known and known.longitude)
        ),
    )


def facts_fields(known: SiteFacts = NO_FACTS) -> tuple[FormField, ...]:
    """Return the fields that only a site has."""
    return (
        FormField("address", _("Address"), "words", value=known.address or ""),
        FormField("contact", _("Contact"), "words", _("Whom to call there."),
                  value=known.contact or ""),
    )  # fmt: skip


def facts_sent(filled: Filled) -> SiteFacts:
    """Return what was filled in of a site."""
    return SiteFacts(filled.text("address"), filled.text("contact"))


def correct(subject: Subject, filled: Filled) -> Change:
    """Correct an installation or details of a registration."""
    kinds = assemblies_for(subject.entry.kind)
    order = filled.order(subject.organisation.id, at=None)
    filled.reason(_("Say why: it is kept in the history."))
    corrected = CorrectedInstallation(
        filled.text("into"), filled.number("place"), filled.time("since"), filled.time("until")
    )
    into_kind = chosen_kind(filled, kinds, kinds[0], name="into_kind") if kinds else ""
    return orders.correct(
        order,
        subject.entry.ident,
        corrected,
        {
            "docks": filled.number("docks"),
            "timezone": filled.text("timezone"),
            "latitude": filled.degrees("latitude"),
            "longitude": filled.degrees("longitude"),
        },
        facts=facts_sent(filled),
        kind=subject.entry.kind,
        into_kinds=(into_kind,),
        with_packs=True,
    )


def correct_doubts(_subject: Subject, filled: Filled) -> tuple[str, ...]:
    """Say what a corrected installation brings with it."""
    if any(filled.text(name) for name in ("into", "place", "since", "until")):
        return (_("Neighbouring installations are adjusted, and telemetry moves with them."),)
    return ()
