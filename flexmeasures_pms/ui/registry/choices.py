"""What forms let the reader choose from: cabinets, PMSes, sites, positions and time zones."""

from __future__ import annotations

from datetime import datetime
from functools import cache

from flexmeasures_pms import identifiers
from flexmeasures_pms.registry.directory import Directory, Entry
from flexmeasures_pms.registry.kinds import CABINET, MAX_CABINETS, PMS, SITE
from flexmeasures_pms.registry.queries.browse import of_kind
from flexmeasures_pms.ui.language.words import _
from flexmeasures_pms.ui.registry.forms import (
    DOCKS_OF,
    OWN_DOCK,
    Filled,
    FormField,
    timezones,
)
from flexmeasures_pms.ui.registry.slots import dock_choices
from flexmeasures_pms.ui.registry.terms import called

MOST = 500
"""A longer list is not one to choose from: its ids are typed, with help for near ones."""

Choices = tuple[tuple[str, str], ...]


def assemblies(
    account_id: int, kind: str, at: datetime, here: str = "", *, blank: str = ""
) -> Choices:
    """Return the cabinets, PMSes or sites of an organisation that something can go in.

    None for other kinds, and where there are more than :data:`MOST`.

    :param here: the id that is chosen already, kept even if it is not among them.
    :param blank: what no choice means.
    """
    if kind not in (CABINET, PMS, SITE):
        return ()
    found = of_kind(account_id, kind, at, count=MOST + 1)
    if not found or len(found) > MOST:
        return ()
    others = () if not here or here in found else ((here, here),)
    return ("", blank or _("Choose one")), *others, *((ident, ident) for ident in found)


def assembly_field(name: str, label: str, choices: Choices, **more: str | bool) -> FormField:
    """Return the field for an assembly: chosen where there are choices, else typed."""
    required, value = bool(more.get("required")), str(more.get("value", ""))
    hint = str(more.get("hint", ""))
    kind = "choice" if choices else "text"
    return FormField(name, label, kind, hint, required, choices, value, decides=bool(choices))


def dock_fields(
    registered: Directory, cabinet: Entry, at: datetime, filled: Filled, wanted: str
) -> tuple[FormField, ...]:
    """Return the fields for a dock of a cabinet, chosen by its own number.

    :param wanted: the dock that is chosen at first.
    """
    shown = filled.text(DOCKS_OF)
    label = _("Which {what}", what=_("dock"))
    return (
        FormField(
            OWN_DOCK,
            label,
            "choice",
            options=dock_choices(registered, cabinet, at),
            value=wanted,
            follows=True,
            kept=shown is None or identifiers.key(shown) == identifiers.key(cabinet.ident),
        ),
        FormField(DOCKS_OF, "", "hidden", value=cabinet.ident, follows=True, kept=False),
    )


def positions(registered: Directory, pms: Entry | None, at: datetime) -> Choices:
    """Return the positions of cabinets in a PMS, with those that are taken."""
    there = registered.cabinets(pms.id, at) if pms else {}
    named = ((str(n), _position(n, there.get(n))) for n in range(1, MAX_CABINETS + 1))
    return ("", _("The first free one")), *named


def _position(number: int, taken_by: Entry | None) -> str:
    return f"{number}: {called(taken_by)}" if taken_by else str(number)


@cache
def _zones() -> tuple[str, ...]:
    """Return the time zones of places, and UTC: not the abbreviations and old names."""
    return tuple(name for name in timezones() if name == "UTC" or "/" in name)


def zone_choices(value: str) -> Choices:
    """Return all time zones to choose from.

    :param value: the one that is recorded.
    """
    known = () if not value or value in _zones() else ((value, value),)
    return ("", _("As the server, or as it is recorded")), *known, *((n, n) for n in _zones())
