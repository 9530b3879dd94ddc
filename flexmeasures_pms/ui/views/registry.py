"""The registry: the tree of what is in what, the search, and one thing with its history."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from flask import Response, redirect, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from flexmeasures_pms.registry.editing.recorded import facts_of
from flexmeasures_pms.registry.kinds import BUILT_IN, DEVICES, LOCATED, PMS, SITE
from flexmeasures_pms.registry.loading.load import load_directory
from flexmeasures_pms.registry.messages.message import place_of
from flexmeasures_pms.registry.messages.moments import on_clock
from flexmeasures_pms.registry.queries.browse import (
    cases_below,
    matching,
    not_installed,
    registered_kinds,
)
from flexmeasures_pms.registry.queries.history import history
from flexmeasures_pms.registry.queries.search import Found
from flexmeasures_pms.registry.queries.sites import NO_FACTS
from flexmeasures_pms.registry.timeline import FOREVER, SINCE_EVER, Installation
from flexmeasures_pms.storage.readings.latest import newest_times
from flexmeasures_pms.ui.language.glossary import TERMS
from flexmeasures_pms.ui.language.words import n_
from flexmeasures_pms.ui.page.access import Organisation, may, one_organisation
from flexmeasures_pms.ui.page.frame import page
from flexmeasures_pms.ui.products.ages import age_words
from flexmeasures_pms.ui.products.origins import shown_origins
from flexmeasures_pms.ui.products.records import record_addresses
from flexmeasures_pms.ui.registry import flash, terms
from flexmeasures_pms.ui.registry.actions import possible
from flexmeasures_pms.ui.registry.branches import HOLDING, TreeBranch, branch
from flexmeasures_pms.ui.registry.events import events_of, span
from flexmeasures_pms.ui.registry.message import rendered_place
from flexmeasures_pms.ui.registry.slots import slot_groups
from flexmeasures_pms.ui.registry.subject import (
    CHANGE_THINGS,
    MAKE_THINGS,
    Addresses,
    Subject,
    addresses,
    subject_or_404,
    trail,
    zone_of,
)
from flexmeasures_pms.ui.registry.terms import called
from flexmeasures_pms.ui.routes import pms_ui

PAGE = 50
EVENTS = 30
BRANCH, MOST_OPEN = "branch", 100
MOST_TRANSACTIONS = 2_000
"""That a page reads: the command `history` shows all."""


@pms_ui.get("/pms/registry")
def registry_tree() -> BaseResponse:
    """Show the tree, a part of it, or the results of a search."""
    organisation = one_organisation()
    text = request.args.get("q", "").strip()
    to = addresses(organisation)
    if text:
        found = matching(organisation.id, text, count=PAGE)
        if len(found) == 1:
            return redirect(to.thing(found[0].kind, found[0].ident), 303)
        return _tree_page(organisation, to, text=text, found=found)
    kind, _sep, ident = request.args.get("open", "").partition(":")
    if ident:
        subject = subject_or_404(kind, ident)
        return _tree_page(organisation, to, roots=(_down_to(subject),), opened=subject)
    return _list_page(organisation, to)


def _list_page(organisation: Organisation, to: Addresses) -> Response:
    now = datetime.now(UTC)
    there = registered_kinds(organisation.id)
    kinds = tuple(kind for kind in terms.SEVERAL if kind in there)
    kind = request.args.get("kind", "")
    kind = kind if kind in terms.SEVERAL else next(iter(kinds), PMS)
    listed = not_installed(
        organisation.id, kind, now, after=request.args.get("after", "")[:200], count=PAGE
    )
    counts = cases_below([one.id for one in listed.found], now) if kind == PMS else {}
    opened = _opened(organisation)
    roots = tuple(_root(organisation, one, counts, opened, now) for one in listed.found)
    return _tree_page(organisation, to, roots=roots, kinds=kinds, kind=kind, next_page=listed.after)


def _opened(organisation: Organisation) -> frozenset[int]:
    """Return the things whose branches are open: ``?branch=pms:PMS-1&branch=case:0241``."""
    named = [tuple(text.split(":", 1)) for text in request.args.getlist(BRANCH)[:MOST_OPEN]]
    things = [(one[0], one[1]) for one in named if len(one) == 2 and one[0] in HOLDING]
    registered = load_directory(organisation.id, things=things) if things else None
    found = (registered.find(*thing) for thing in things) if registered else ()
    return frozenset(entry.id for entry in found if entry is not None)


def _root(
    organisation: Organisation,
    one: Found,
    counts: dict[int, int],
    opened: frozenset[int],
    now: datetime,
) -> TreeBranch:
    zone = zone_of(organisation.id)
    note = _note(one, counts, now, zone)
    if one.id not in opened:
        return TreeBranch(one, kind=terms.kind_name(one.kind), note=note)
    subject = subject_or_404(one.kind, one.ident)
    shown = branch(subject.registered, subject.entry, now, zone=subject.zone, opened=opened)
    return replace(shown, note=note)


def _note(one: Found, counts: dict[int, int], now: datetime, zone: str) -> str:
    cases = n_("{n} case", "{n} cases", counts.get(one.id, 0)) if one.kind == PMS else ""
    return ", ".join(filter(None, (cases, terms.retired_note(one, now, zone))))


def _tree_page(organisation: Organisation, to: Addresses, **shown: Any) -> Response:
    return page(
        "pms/registry.html",
        active="registry",
        to=to,
        organisation=organisation,
        may_register=may(CHANGE_THINGS, organisation),
        may_import=may(MAKE_THINGS, organisation),
        terms=terms,
        open_branches=request.args.getlist(BRANCH)[:MOST_OPEN],
        sites=LOCATED,
        notice=flash.take(),
        **{"text": "", "found": (), "roots": (), "kinds": (), "kind": "", "opened": None, **shown},
    )


def _down_to(subject: Subject) -> TreeBranch:
    """Return the tree of a thing, opened down to it."""
    path = [entry.id for entry in (*subject.above[::-1], subject.entry)]
    root = subject.above[-1] if subject.above else subject.entry
    opened = _opened(subject.organisation)
    return branch(
        subject.registered, root, subject.now, zone=subject.zone, path=path, opened=opened
    )


@pms_ui.get("/pms/registry/branch")
def registry_branch() -> Response:
    """Send one branch of the tree, for the script that puts it in its place."""
    subject = subject_or_404(request.args.get("kind", ""), request.args.get("id", ""))
    if subject.entry.kind not in HOLDING:
        raise NotFound
    return page(
        "pms/registry_branch.html",
        to=addresses(subject.organisation),
        terms=terms,
        open_branches=[],
        root=branch(subject.registered, subject.entry, subject.now, zone=subject.zone),
        # The page above shows the time zone already.
        zone=None if subject.row else subject.zone,
    )


def thing_page(subject: Subject) -> Response:
    """Show one thing: its contents, its place, and its history."""
    life = history(subject.organisation.id, subject.entry.id, last=MOST_TRANSACTIONS)
    events = events_of(life.transactions, subject.zone, life.directory)
    everything = request.args.get("events") == "all"
    to = addresses(subject.organisation)
    slots = slot_groups(subject.registered, subject.entry, subject.now)
    parts = (spot.entry.id for group in slots for spot in group.spots if spot.entry)
    today = on_clock(subject.now, subject.zone).date()
    return page(
        "pms/registry_thing.html",
        active="registry",
        to=to,
        trail=trail(to, subject),
        subject=subject,
        entry=subject.entry,
        installable=subject.entry.kind in BUILT_IN,
        explained=TERMS,
        terms=terms,
        span=span,
        where=_where(subject, subject.row) if subject.row else "",
        held=DEVICES if subject.entry.kind == SITE else (),
        aliases=life.aliases,
        facts=(facts_of(subject.entry.id) if subject.entry.kind == SITE else None) or NO_FACTS,
        retired=terms.retired_note(subject.entry, subject.now, subject.zone),
        reported=_reported(subject),
        slot_groups=slots,
        origins=shown_origins(subject.organisation.id, [subject.entry.id, *parts]),
        records=record_addresses(subject.organisation),
        today=today,
        age_of_day=lambda made: age_words(made, today),
        holds=subject.entry.kind in HOLDING,
        actions=possible(subject) if subject.may_change else (),
        places=[
            (_where(subject, row), _span(row, subject.zone))
            for row in life.places[: -EVENTS - 1 : -1]
        ],
        more_places=max(0, len(life.places) - EVENTS),
        earlier=_earlier_parts(subject, life.parts),
        events=events if everything else events[:EVENTS],
        more_events=0 if everything else max(0, len(events) - EVENTS),
        notice=flash.take(),
    )


def _earlier_parts(subject: Subject, rows: tuple[Installation, ...]) -> list[tuple[str, ...]]:
    gone = sorted((row for row in rows if row.end <= subject.now), key=lambda r: r.end)
    return [
        (part.kind, part.ident, called(part), _span(row, subject.zone))
        for row in gone[: -EVENTS - 1 : -1]
        for part in (subject.registered.entry(row.part_id),)
    ]


def _where(subject: Subject, row: Installation) -> str:
    return rendered_place(place_of(subject.registered, row, subject.now))


def _reported(subject: Subject) -> datetime | None:
    """Return when something reported last although it is retired, or None."""
    retired_at = subject.entry.retired_at
    newest = newest_times([subject.entry.id]) if retired_at else {}
    return next((at for at in newest.values() if retired_at and at >= retired_at), None)


def _span(row: Installation, zone: str) -> str:
    begin = None if row.begin == SINCE_EVER else row.begin
    return span(begin, None if row.end == FOREVER else row.end, zone)
