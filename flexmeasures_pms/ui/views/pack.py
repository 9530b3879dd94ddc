"""A pack: its newest reading, its life, its quarantine, and charts over any period."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from flask import Response

from flexmeasures_pms import identifiers
from flexmeasures_pms.overview.life import Lane, Stay, lanes, turns
from flexmeasures_pms.overview.packs import ShownPack, pack
from flexmeasures_pms.overview.states import worst_first
from flexmeasures_pms.registry.kinds import BOARD, CELL_BLOCK
from flexmeasures_pms.registry.location import above
from flexmeasures_pms.registry.messages.moments import QUERIES, shifted
from flexmeasures_pms.registry.queries.history import history, registered_at
from flexmeasures_pms.serving.readiness import require_tables
from flexmeasures_pms.storage.flapping import flapping_now
from flexmeasures_pms.storage.intake.quarantine import reasons_concerning
from flexmeasures_pms.storage.readings.latest import latest_of
from flexmeasures_pms.ui.language import findings
from flexmeasures_pms.ui.language.reasons import reason
from flexmeasures_pms.ui.language.words import _
from flexmeasures_pms.ui.page import links, live, query_params
from flexmeasures_pms.ui.page.access import Seen, organisations, trackable_or_404
from flexmeasures_pms.ui.page.chart_page import ChartPage, around, chart_page, zone_of
from flexmeasures_pms.ui.page.frame import page
from flexmeasures_pms.ui.registry.events import Event, events_of
from flexmeasures_pms.ui.registry.terms import kind_name, retired_note, title
from flexmeasures_pms.ui.routes import pms_ui

AT_REST = 0.05  # A in either direction: below this no arrow is shown
EVENTS = 12
_TRANSACTIONS = 200


@dataclass(frozen=True, slots=True)
class Bar:
    """A stay on the timeline.

    :param since: since when it is there, at the latest where its start is not recorded.
    :param left: where it begins, and ``width`` how long it is, in percent of the timeline.
    :param open: its start is not recorded.
    """

    stay: Stay
    words: str
    since: datetime
    left: float
    width: float
    open: bool
    address: str | None


@dataclass(frozen=True, slots=True)
class TimelineLane:
    """A row of the timeline."""

    name: str
    bars: tuple[Bar, ...]


@pms_ui.get("/pms/case/<path:ident>")
def show_pack(ident: str) -> Response:
    """Show a pack."""
    require_tables()
    seen = trackable_or_404("case", ident)
    zone = zone_of(seen)
    one = _pack(seen)
    context: dict[str, Any] = {
        "one": one,
        "findings": worst_first(one.findings),
        "out_of_use": seen.entry.is_retired(seen.now),
        "zone": zone,
        "says": findings,
        "at_rest": AT_REST,
    }
    if live.is_asked():
        return live.part("pms/pack_live.html", one, **context)
    shown = chart_page(seen, zone)
    life = lanes(seen.registered, seen.entry.id, seen.now)
    first = _first(seen, shown)
    return page(
        "pms/pack.html",
        charts=True,
        title=_("Pack {ident}", ident=seen.entry.ident),
        above=above(seen.registered, seen.entry, seen.now),
        dock=seen.registered.dock_across(seen.entry.id, seen.now),
        retired=retired_note(seen.entry, seen.now, zone),
        shown=shown,
        data=shown.data(seen, _marks(life)) | {"cell": query_params.number("cell", most=14)},
        tracks=_tracks(life, first, seen.now),
        begins=_begin(life, first, seen.now),
        events=_events(seen, zone),
        around=around,
        rack_then=partial(_rack_then, seen),
        waiting=[
            (reason(code).title, count, newest)
            for code, count, newest in reasons_concerning(seen.organisation.id, _spellings(seen))
        ],
        field=query_params.field,
        kind_name=kind_name,
        organisation=_organisation(seen),
        **context,
    )


def _organisation(seen: Seen) -> int | None:
    """Return the organisation that links name: another one may have the same ids.

    None where the user sees but one.
    """
    return seen.organisation.id if len(organisations()) > 1 else None


def _rack_then(seen: Seen, at: datetime) -> str | None:
    """Return the URL of the rack that the pack was in at a moment, as it was then, if any."""
    pms = seen.registered.pms_of(seen.entry.id, at) if at in QUERIES and at <= seen.now else None
    return (
        links.rack(pms.ident, organisation=_organisation(seen), at=at.isoformat()) if pms else None
    )


def _pack(seen: Seen) -> ShownPack:
    entry = seen.entry
    row = latest_of([entry.id]).get(entry.id)
    source = seen.registered.entry(row.device_id).ident if row else None
    time = row.event_time.astimezone(UTC) if row else None
    return pack(
        entry.ident,
        entry.asset_id,
        time,
        source,
        row.readings if row else {},
        seen.now,
        flapping_now([entry.id], seen.now).get(entry.id),
    )


def _events(seen: Seen, zone: str) -> tuple[Event, ...]:
    recorded = history(seen.organisation.id, seen.entry.id, last=_TRANSACTIONS)
    return events_of(recorded.transactions, zone, recorded.directory)[:EVENTS]


def _spellings(seen: Seen) -> list[str]:
    """Return the ids under which samples of the case may wait: its own, and its boards'."""
    rows = seen.registered.by_assembly.get(seen.entry.id, ())
    parts = [seen.registered.entry(row.part_id) for row in rows]
    boards = [part for part in parts if part.kind == BOARD]
    names = [name for b in boards for name in (b.ident, *seen.registered.aliases.get(b.id, ()))]
    return [identifiers.board_key(name) for name in (seen.entry.ident, *names)]


def _first(seen: Seen, shown: ChartPage) -> datetime:
    """Return when the pack is known to have been there: registered, or read for the first time."""
    registered = registered_at(seen.entry.id) or seen.now
    return min(registered, shown.bounds[0]) if shown.bounds else registered


def _begin(life: Sequence[Lane], first: datetime, now: datetime) -> datetime:
    """Return the start of the timeline: before the first known time, with some space."""
    first = min([*turns(life), first])
    return shifted(first, -max((now - first) / 20, timedelta(minutes=1)))


def _marks(life: Sequence[Lane]) -> list[tuple[datetime, str]]:
    """Return the marks of charts: when something was installed."""
    found = {
        stay.begin: f"{_lane_name(lane)}: {_stay_words(lane, stay)}"
        for lane in reversed(life)
        for stay in lane.stays
        if stay.begin is not None
    }
    return sorted(found.items())


def _tracks(life: Sequence[Lane], first: datetime, now: datetime) -> list[TimelineLane]:
    begin = _begin(life, first, now)
    return [TimelineLane(_lane_name(lane), tuple(_bars(lane, begin, first, now))) for lane in life]


def _bars(lane: Lane, begin: datetime, first: datetime, now: datetime) -> Iterator[Bar]:
    whole = now - begin
    for stay in lane.stays:
        last = min(stay.end or now, now)
        start = stay.begin or (first if first < last else begin)
        since = stay.begin or min(first, last)
        if begin <= start < last:
            yield Bar(
                stay,
                _stay_words(lane, stay),
                since,
                left=round(100 * ((start - begin) / whole), 3),
                width=round(100 * ((last - start) / whole), 3),
                open=stay.begin is None,
                address=around(since) if since in QUERIES else None,
            )


def _lane_name(lane: Lane) -> str:
    if lane.code == "dock":
        return _("Dock")
    name = title(kind_name(lane.code))
    return f"{name} {lane.place}" if lane.code == CELL_BLOCK else name


def _stay_words(lane: Lane, stay: Stay) -> str:
    if lane.code != "dock":
        return stay.ident
    if stay.dock is None:
        return stay.ident
    return _("dock {dock}, {cabinet}", dock=stay.dock, cabinet=stay.ident)
