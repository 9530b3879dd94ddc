"""One registered thing: its page, and the forms of its actions."""

from __future__ import annotations

from flask import Response, redirect, request
from werkzeug.exceptions import Forbidden, NotFound
from werkzeug.wrappers import Response as BaseResponse

from flexmeasures_pms.registry.kinds import CABINET, CASE
from flexmeasures_pms.storage.session import abandon
from flexmeasures_pms.ui.language.words import _
from flexmeasures_pms.ui.registry import flash
from flexmeasures_pms.ui.registry.action import Action
from flexmeasures_pms.ui.registry.actions import ACTIONS
from flexmeasures_pms.ui.registry.answer import Answer, answer, repeated
from flexmeasures_pms.ui.registry.forms import REFRESH, Filled
from flexmeasures_pms.ui.registry.subject import Addresses, Subject, addresses, subject_or_404
from flexmeasures_pms.ui.registry.terms import called, title
from flexmeasures_pms.ui.routes import pms_ui
from flexmeasures_pms.ui.views.registry import thing_page
from flexmeasures_pms.ui.views.registry_form import form_page


@pms_ui.route("/pms/registry/<kind>", methods=["GET", "POST"])
@pms_ui.route("/pms/registry/<kind>/<ident>", methods=["GET", "POST"])
def registry_thing(kind: str, ident: str = "") -> BaseResponse:
    """Show a thing, or with ``?do=`` a form about it, and apply the form.

    Ids that can't be part of a URL are sent as ``?id=``.
    """
    subject = subject_or_404(kind, ident or request.args.get("id", ""))
    wanted = request.args.get("do")
    if wanted is None:
        return thing_page(subject)
    action = ACTIONS.get(wanted)
    if action is None:
        raise NotFound(_("There is no such form."))
    if not subject.may_change:
        raise Forbidden(_("You may view the registry of this organisation, but not change it."))
    if request.method == "POST" and REFRESH not in request.form:
        return _sent(subject, action, Filled(request.form, subject.zone))
    if not action.applies(subject):
        return _not_now(subject)
    given = request.form if request.method == "POST" else request.args
    return _form(subject, action, Filled(given, subject.zone), Answer())


def _sent(subject: Subject, action: Action, filled: Filled) -> BaseResponse:
    again = repeated(subject.organisation, filled)
    if again is None and not action.applies(subject):
        abandon()
        return _not_now(subject)
    came = again or answer(
        subject.organisation,
        filled,
        lambda: action.make(subject, filled),
        doubts=lambda: action.doubts(subject, filled),
        main=action.main,
    )
    return _done(subject, action, came) if came.done else _form(subject, action, filled, came)


def _done(subject: Subject, action: Action, came: Answer) -> BaseResponse:
    """Redirect to where the change is visible: the assembly of a part, else the thing."""
    flash.keep(came.lines, changed=came.changed)
    shown = subject.entry
    if action.name in ("swap", "remove") and subject.assembly is not None:
        shown = subject.assembly
    return redirect(addresses(subject.organisation).thing(shown.kind, shown.ident), 303)


def _not_now(subject: Subject) -> BaseResponse:
    """Show that the action is not possible any more, after a change by someone else."""
    what = title(called(subject.entry))
    flash.keep([_("{what} is already as shown: there is nothing to do.", what=what)], changed=False)
    to = addresses(subject.organisation)
    return redirect(to.thing(subject.entry.kind, subject.entry.ident), 303)


def _form(subject: Subject, action: Action, filled: Filled, came: Answer) -> Response:
    to = addresses(subject.organisation)
    entry, slot = subject.entry, filled.text("slot")
    return form_page(
        to,
        subject,
        action.fields(subject, filled),
        filled,
        came,
        heading=action.title(subject, filled),
        button=_(action.button),
        note_label=_(action.note),
        note_needed=action.needs_note,
        hidden={"slot": slot} if slot else {},
        target=to.thing(entry.kind, entry.ident, do=action.name),
        back=to.thing(entry.kind, entry.ident),
        instead=_instead(to, subject, filled) if action.name == "fill" else None,
    )


def _instead(to: Addresses, subject: Subject, filled: Filled) -> tuple[str, str] | None:
    """Return an alternative form for a case in a dock."""
    if subject.entry.kind != CABINET or filled.text("slot") != "dock":
        return None
    place = to.register(kind=CASE, cabinet=subject.entry.ident, dock=filled.text("place"))
    return _("Register a new case there, with its parts"), place
