"""Registering a cabinet, case or device by form."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from flask import Response, redirect, request
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Response as BaseResponse

from flexmeasures_pms.registry.kinds import CASE, PMS
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.ui.language.words import _
from flexmeasures_pms.ui.page.access import Organisation, may, one_organisation
from flexmeasures_pms.ui.page.frame import page
from flexmeasures_pms.ui.registry import flash, registration, terms
from flexmeasures_pms.ui.registry.action import WHY
from flexmeasures_pms.ui.registry.answer import Answer, RefusedChange, answer, repeated
from flexmeasures_pms.ui.registry.forms import REFRESH, Filled
from flexmeasures_pms.ui.registry.subject import (
    CHANGE_THINGS,
    MAKE_THINGS,
    addresses,
    trail,
    zone_of,
)
from flexmeasures_pms.ui.routes import pms_ui
from flexmeasures_pms.ui.views.registry_form import form_page


@pms_ui.route("/pms/registry/register", methods=["GET", "POST"])
def registry_register() -> BaseResponse:
    """Ask for the kind, then for the details, and register it."""
    organisation = one_organisation()
    if not may(CHANGE_THINGS, organisation):
        raise Forbidden(_("You may view the registry of this organisation, but not change it."))
    kind = request.args.get("kind", "")
    if kind not in registration.KINDS:
        return _which(organisation)
    sent = request.form if request.method == "POST" else _filled_in(organisation, kind)
    filled = Filled(sent, _zone(organisation, sent.get("pms"), sent.get("cabinet")))
    if request.method == "GET" or REFRESH in sent:
        return _form(organisation, kind, filled, Answer())
    came = _sent(organisation, kind, filled)
    if not came.done:
        return _form(organisation, kind, filled, came)
    flash.keep(came.lines, changed=came.changed)
    known = load_directory(organisation.id).find(kind, filled.text("ident") or "")
    to = addresses(organisation)
    return redirect(to.thing(kind, known.ident) if known else to.tree(), 303)


def _filled_in(organisation: Organisation, kind: str) -> Mapping[str, str]:
    """Return what the address has of the form.

    For a case, ``pms`` and ``dock``, counted across it, are the cabinet and its own dock.
    """
    given = request.args
    pms, dock = given.get("pms", ""), given.get("dock", "")
    if kind != CASE or not pms or given.get("cabinet") or not (dock.isdecimal() and len(dock) < 5):
        return given
    known = load_directory(organisation.id)
    system = known.find(PMS, pms)
    ranges = known.dock_ranges(system.id, datetime.now(UTC)) if system else ()
    for cabinet, docks in ranges:
        if cabinet and int(dock) in docks:
            own = str(docks.index(int(dock)) + 1)
            return {**given.to_dict(), "cabinet": cabinet.ident, "dock": own}
    return {name: value for name, value in given.to_dict().items() if name != "dock"}


def _sent(organisation: Organisation, kind: str, filled: Filled) -> Answer:
    if not may(registration.permission(kind, filled), organisation):
        if kind == CASE:
            message = _("Only an admin of the organisation may register this without a cabinet.")
            return Answer(refusal=RefusedChange("cabinet", message))
        message = _("Only an admin of the organisation may register this.")
        return Answer(refusal=RefusedChange("ident", message))
    return repeated(organisation, filled) or answer(
        organisation, filled, lambda: registration.make(kind, organisation, filled), main="ident"
    )


def _zone(organisation: Organisation, pms: str | None, cabinet: str | None) -> str:
    """Return the timezone of the site of a new thing."""
    registered = load_directory(organisation.id)
    found = registered.find("pms", pms) if pms else None
    if cabinet and (rack := registered.find("cabinet", cabinet)) is not None:
        row = registered.by_part.get(rack.id, ())[-1:]
        found = registered.entry(row[0].assembly_id) if row else None
    return zone_of(organisation.id, *([found] if found else []))


def _which(organisation: Organisation) -> Response:
    to, makes = addresses(organisation), may(MAKE_THINGS, organisation)
    below = ("cabinet", "case")
    return page(
        "pms/registry_register.html",
        active="registry",
        to=to,
        kinds=[kind for kind in registration.KINDS if makes or kind in below],
        terms=terms,
        trail=trail(to, None, _("Register")),
        makes=makes,
    )


def _form(organisation: Organisation, kind: str, filled: Filled, came: Answer) -> Response:
    to = addresses(organisation)
    return form_page(
        to,
        None,
        registration.fields(kind, filled, load_directory(organisation.id), datetime.now(UTC)),
        filled,
        came,
        heading=_("Register: {what}", what=terms.kind_name(kind)),
        button=_("Register"),
        note_label=_(WHY),
        note_needed=False,
        target=to.register(kind=kind),
        back=to.tree(),
    )
