"""Completeness: the share of the expected samples, by device and hour."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from flask import Response, request

from flexmeasures_pms.beliefs.resolve import EARLIEST
from flexmeasures_pms.catalogue.asset_types import DATASETS
from flexmeasures_pms.config import settings
from flexmeasures_pms.ingest.completeness import period
from flexmeasures_pms.overview.completeness_calendar import (
    Calendar,
    CalendarHour,
    calendars,
    days_before,
)
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.loading.rows import of_kinds
from flexmeasures_pms.registry.queries.clocks import site_clock
from flexmeasures_pms.serving.readiness import require_tables
from flexmeasures_pms.ui.language.figures import number
from flexmeasures_pms.ui.language.words import _, mark, n_
from flexmeasures_pms.ui.page import query_params
from flexmeasures_pms.ui.page.access import one_organisation
from flexmeasures_pms.ui.page.frame import page
from flexmeasures_pms.ui.registry.terms import kind_title
from flexmeasures_pms.ui.routes import pms_ui

DAYS = (1, 7, 30)
BY_DEFAULT = 7
MOST_DAYS = 42
"""Device days on one page: six devices for a week."""
NAMED = 5
"""How many silent packs of an hour are named."""

STATES = {
    "complete": mark("complete"),
    "most": mark("most of it"),
    "part": mark("part of it"),
    "nothing": mark("nothing arrived"),
    "silent": mark("silent for a day or more"),
    "begun": mark("just begun"),
}


@pms_ui.get("/pms/completeness")
def completeness_page() -> Response:
    """Show the hours of an organisation's devices as squares."""
    require_tables()
    now = datetime.now(UTC)
    organisation = one_organisation()
    zone = site_clock(organisation.id)
    days = min(DAYS, key=lambda d: abs(d - (query_params.number("days", most=366) or BY_DEFAULT)))
    end = max(query_params.moment("end", zone, now) or now, EARLIEST)
    devices = _devices(organisation.id)
    first = (query_params.number("page") or 1) - 1
    size = max(1, MOST_DAYS // days)
    time = period(days_before(end, days, zone), end, now)
    shown = devices[first * size :][:size]
    found = calendars(organisation.id, shown, *time, now) if time else []
    return page(
        "pms/completeness.html",
        active="completeness",
        title=_("Completeness"),
        organisation=organisation,
        zone=zone,
        found=found,
        days=days,
        all_days=DAYS,
        end=end,
        before=time[0] if time else None,
        running=end >= now,
        text=request.args.get("q", "").strip(),
        kind_title=kind_title,
        states={state: _(words) for state, words in STATES.items()},
        verdict=verdict,
        told=told,
        page_number=first + 1,
        pages=-(-len(devices) // size),
        kept_days=settings().receipt_days,
        field=query_params.field,
    )


def _devices(account_id: int) -> list[Entry]:
    text = request.args.get("q", "").strip().upper()[:200]
    return [entry for entry in of_kinds(account_id, DATASETS) if text in entry.ident.upper()]


def verdict(calendar: Calendar) -> tuple[str, str]:
    """Return the badge and text of a device's period."""
    level, words = _arrived(calendar)
    if not calendar.refused:
        return level, words
    refused = n_("{n} sample refused", "{n} samples refused", calendar.refused)
    return "bad" if level == "bad" else "warn", f"{words}, {refused}"


def _arrived(calendar: Calendar) -> tuple[str, str]:
    if hours := calendar.silent_for:
        return "bad", n_("nothing for {n} hour now", "nothing for {n} hours now", hours)
    words = []
    if calendar.missing:
        words.append(
            n_("{n} hour without anything", "{n} hours without anything", calendar.missing)
        )
    if calendar.incomplete:
        words.append(n_("{n} hour incomplete", "{n} hours incomplete", calendar.incomplete))
    if not words:
        return "good", _("complete up to the last full hour")
    return "warn" if calendar.missing else "notice", ", ".join(words)


def told(square: CalendarHour, zone: str) -> str:
    """Return an hour as text."""
    text = _share(square, zone)
    hour = square.hour
    if hour.samples and hour.missing:
        text += "; " + _("nothing from {packs}", packs=_named(hour.missing))
    if hour.refused:
        text += "; " + n_("{n} sample refused", "{n} samples refused", hour.refused)
    return text


def _named(packs: Sequence[str]) -> str:
    named, more = ", ".join(packs[:NAMED]), len(packs) - NAMED
    return named if more <= 0 else _("{packs} and {n} more", packs=named, n=number(more))


def _share(square: CalendarHour, zone: str) -> str:
    local = square.start.astimezone(ZoneInfo(zone))
    when = f"{local:%Y-%m-%d %H:%M}"
    hour = square.hour
    if hour.expected is None and not hour.samples:
        if hour.refused:
            return _("{when}: nothing was stored, nor in the day before", when=when)
        return _("{when}: nothing arrived, nor in the day before", when=when)
    if hour.expected is None:
        samples = number(hour.samples)
        return _("{when}: {samples} samples, how many to expect is unknown", when=when,
                 samples=samples)  # fmt: skip
    if hour.samples > hour.expected:
        return _(
            "{when}: {samples} samples, {expected} were expected",
            when=when,
            samples=number(hour.samples),
            expected=number(hour.expected),
        )
    return _(
        "{when}: {samples} of {expected} samples, {share} %",
        when=when,
        samples=number(hour.samples),
        expected=number(hour.expected),
        share=number(hour.share * 100),
    )
