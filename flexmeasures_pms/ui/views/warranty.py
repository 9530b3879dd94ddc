"""Warranties that end in a period, and the log of what was done to a thing and in it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from flask import Response, request
from werkzeug.exceptions import BadRequest

from flexmeasures_pms.registry.messages.moments import on_clock
from flexmeasures_pms.registry.queries.clocks import site_clock
from flexmeasures_pms.registry.questions.subject import AskedThings
from flexmeasures_pms.registry.questions.warranty import ending
from flexmeasures_pms.serving.readiness import require_tables
from flexmeasures_pms.ui.language.words import _
from flexmeasures_pms.ui.page import links
from flexmeasures_pms.ui.page.access import one_organisation
from flexmeasures_pms.ui.products.ages import age_words
from flexmeasures_pms.ui.products.quarters import Days, following_year, quarter
from flexmeasures_pms.ui.products.records import record_addresses, section_page
from flexmeasures_pms.ui.routes import pms_ui

MOST = 500
_DAY = timedelta(days=1)


@pms_ui.get("/pms/warranty")
def warranty_page() -> Response:
    """Show the things in use whose warranty ends in a period, by default the next quarter."""
    require_tables()
    organisation = one_organisation()
    today = on_clock(datetime.now(UTC), site_clock(organisation.id)).date()
    first, until = _days(quarter(today, 1))
    found = list(ending(AskedThings(organisation.id), first, until, MOST + 1))
    return section_page(
        "pms/warranty.html",
        organisation=organisation,
        first=first,
        last=until - _DAY,
        spans=[
            (text, links.same(**{"from": days[0], "last": days[1] - _DAY}), days == (first, until))
            for text, days in _spans(today)
        ],
        found=found[:MOST],
        more=len(found) > MOST,
        age=lambda made: age_words(made, today),
        to=record_addresses(organisation),
        tab="warranty",
    )


def _spans(today: date) -> tuple[tuple[str, Days], ...]:
    return (
        (_("This quarter"), quarter(today)),
        (_("Next quarter"), quarter(today, 1)),
        (_("365 days from today"), following_year(today)),
    )


def _days(default: Days) -> Days:
    """Return the period of ``?from=`` and ``?last=``, whose last day is not included.

    :raises BadRequest: if it can't be read, or ends before it begins.
    """
    first = _day("from") or default[0]
    last = _day("last")
    until = default[1] if last is None else last + _DAY
    if first >= until:
        raise BadRequest(_("The period must begin before it ends."))
    return first, until


def _day(name: str) -> date | None:
    text = request.args.get(name, "").strip()
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError:
        day = date.min
    if day is not None and not 2000 <= day.year <= 2100:
        raise BadRequest(_("{name}: {text} is not a day such as 2027-01-31.", name=name,
                           text=text[:40]))  # fmt: skip
    return day
