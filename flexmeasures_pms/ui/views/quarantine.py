"""The quarantine: what waits and why, to be replayed or discarded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any

from flask import Response, flash, redirect, request
from flask_login import current_user
from flexmeasures.data import db
from sqlalchemy.engine import Row
from werkzeug.exceptions import Forbidden, NotFound
from werkzeug.wrappers import Response as BaseResponse

from flexmeasures_pms.config import settings
from flexmeasures_pms.errors import PmsError
from flexmeasures_pms.ingest.limits import quarantine_bounds
from flexmeasures_pms.ingest.replay import replay
from flexmeasures_pms.registry.queries.clocks import site_clock
from flexmeasures_pms.serving.readiness import require_tables
from flexmeasures_pms.storage.intake import quarantine, waiting
from flexmeasures_pms.storage.intake.quarantine_room import nearly_full, waiting_by_device
from flexmeasures_pms.storage.intake.waiting import QuarantineFilter
from flexmeasures_pms.ui.language import room
from flexmeasures_pms.ui.language.reasons import reason, senders
from flexmeasures_pms.ui.language.words import _, n_
from flexmeasures_pms.ui.page import links, query_params
from flexmeasures_pms.ui.page.access import CHANGE, Organisation, may, one_organisation
from flexmeasures_pms.ui.page.frame import page
from flexmeasures_pms.ui.routes import pms_ui

PAGE = 25
MOST_AT_ONCE = 1_000
"""Maximum samples that one click replays or discards."""
TEXT_SHOWN = 2_000
MOST_NOTE = 1_000
NOTICE = "pms"


@pms_ui.get("/pms/quarantine")
def quarantine_page() -> Response:
    """Show waiting or discarded samples."""
    require_tables()
    return _listed(one_organisation())


def _listed(
    organisation: Organisation, *, error: str = "", asks_about: Sequence[int] = ()
) -> Response:
    """Return the page, with what was wrong in its form, or what it would discard."""
    sought = _sought(organisation)
    rows = waiting.listed(
        sought, limit=PAGE + 1, before=query_params.number("before", most=1 << 62)
    )
    shown = rows[:PAGE]
    everything = waiting.groups(
        QuarantineFilter(sought.account_id, sought.discarded, text=sought.text)
    )
    return page(
        "pms/quarantine.html",
        active="quarantine",
        status=422 if error else 200,
        error=error,
        asks_about=len(asks_about),
        sure=_fingerprint(asks_about),
        given=request.form,
        ticked=frozenset(request.form.getlist("id")),
        title=_("Quarantine"),
        organisation=organisation,
        zone=site_clock(organisation.id),
        sought=sought,
        groups=everything,
        total=sum(g.samples for g in everything if sought.reason in (None, g.value)),
        rows=shown,
        older=shown[-1].id if len(rows) > PAGE else None,
        senders=senders(_named(shown), organisation.id),
        reason=reason,
        may_change=may(CHANGE, organisation),
        most=MOST_AT_ONCE,
        text_shown=TEXT_SHOWN,
        notice=NOTICE,
        warnings=_warnings(organisation),
    )


def _warnings(organisation: Organisation) -> tuple[str, ...]:
    of_device = waiting_by_device([organisation.id])[organisation.id]
    return room.warnings(nearly_full(quarantine_bounds(settings()), of_device))


@pms_ui.get("/pms/quarantine/<int:number>")
def quarantine_sample(number: int) -> Response:
    """Show one sample as it was sent."""
    require_tables()
    organisation = one_organisation()
    row = waiting.one(organisation.id, number) if number < 1 << 62 else None
    if row is None:
        raise NotFound(_("There is no such sample in quarantine."))
    return page(
        "pms/quarantine_sample.html",
        active="quarantine",
        title=_("Sample {n} in quarantine", n=number),
        row=row,
        zone=site_clock(organisation.id),
        senders=senders(_named([row]), organisation.id),
        reason=reason,
    )


@pms_ui.post("/pms/quarantine")
def quarantine_change() -> BaseResponse:
    """Replay or discard samples: the ticked ones, or all found ones.

    :raises Forbidden: if the user may not change anything in the organisation.
    """
    require_tables()
    organisation = one_organisation()
    if not may(CHANGE, organisation):
        raise Forbidden(_("You may view the quarantine, but not change it."))
    try:
        action, ids = _action(), _ids(organisation)
        note = _note() if action == "discard" else ""
    except IncompleteForm as error:
        return _listed(organisation, error=str(error))
    if action == "discard" and ids and request.form.get("sure") != _fingerprint(ids):
        return _listed(organisation, asks_about=ids)
    notice = _discarded(organisation, ids, note) if note else _replayed(organisation, ids)
    flash(notice, NOTICE)
    return redirect(links.same(before=None), 303)


class IncompleteForm(PmsError):
    """A form lacks a choice."""


def _fingerprint(ids: Sequence[int]) -> str:
    """Return what stands for exactly these samples: who confirms, confirms those."""
    return sha256(repr(sorted(ids)).encode()).hexdigest()[:32]


def _action() -> str:
    """Return what is to be done.

    :raises IncompleteForm: if that was not chosen.
    """
    action = request.form.get("action", "")
    if action not in ("replay", "discard"):
        raise IncompleteForm(_("Choose whether to replay or to discard."))
    return action


def _note() -> str:
    """Return the reason for discarding.

    :raises IncompleteForm: if there is none.
    """
    note = " ".join(request.form.get("note", "").split())[:MOST_NOTE]
    if not note:
        raise IncompleteForm(_("Give a reason for discarding: it is kept with the samples."))
    return note


def _sought(organisation: Organisation) -> QuarantineFilter:
    return QuarantineFilter(
        organisation.id,
        discarded=request.args.get("discarded") == "1",
        reason=request.args.get("reason", "")[:80] or None,
        text=request.args.get("q", "").strip()[:200],
    )


def _named(rows: Iterable[Row[Any]]) -> list[str]:
    return [name for row in rows for name in (row.sender, row.discarded_by) if name]


def _ids(organisation: Organisation) -> list[int]:
    """Return the selected waiting samples.

    :raises IncompleteForm: if there is none.
    """
    if request.form.get("which") == "all":
        sought = _sought(organisation)
        return [] if sought.discarded else waiting.numbers(sought, limit=MOST_AT_ONCE)
    ticked = request.form.getlist("id")[:MOST_AT_ONCE]
    numbers = {int(text) for text in ticked if text.isascii() and text.isdigit() and len(text) < 19}
    if not numbers:
        raise IncompleteForm(_("Tick the samples first."))
    return quarantine.waiting_ids(organisation.id, numbers)


def _replayed(organisation: Organisation, ids: list[int]) -> str:
    done = replay(organisation.id, ids)
    tried = done.released + done.waiting
    if not tried:
        return _("Nothing was replayed: none of these samples waits any more.")
    words = n_("{n} sample was tried again.", "{n} samples were tried again.", tried)
    if done.released:
        words += " " + n_(
            "{n} is stored now, which added {beliefs} beliefs.",
            "{n} are stored now, which added {beliefs} beliefs.",
            done.released,
            beliefs=done.beliefs,
        )
    if done.waiting:
        words += " " + n_(
            "{n} still waits: its reason was updated.",
            "{n} still wait: their reason was updated.",
            done.waiting,
        )
    return words


def _discarded(organisation: Organisation, ids: list[int], note: str) -> str:
    author = f"user:{current_user.id}"
    gone = quarantine.discard(organisation.id, ids, author=author, note=note)
    db.session.commit()
    if not gone:
        return _("Nothing was discarded: none of these samples waits any more.")
    return n_(
        "{n} sample was discarded. Its text is kept.",
        "{n} samples were discarded. Their texts are kept.",
        len(gone),
    )
