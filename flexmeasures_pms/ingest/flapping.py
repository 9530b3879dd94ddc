"""Packs that are reported from several places in turn, or at once.

Two packs that answer with one id, or a bus that mixes up its addresses, let a pack move twice
with every sample. Each of these moves would be a change of the registry, for ever.

The rule: a pack flaps when its reported place changed more than ``MOST_CHANGES`` times in the
hour before a report, or when it is in two places at once: reported from a place, from another,
and from the first again within ``AT_ONCE``. Then its readings are stored as reported, and its
place stays the last that held. It flaps until it was reported from one place, and no other, for
``SETTLED``; then it has moved there. The receipt warns, and pages show the state. The limits are in
``catalogue/limits.py``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter
from typing import NamedTuple

from flexmeasures_pms.catalogue.limits import AT_ONCE, MOST_CHANGES, SETTLED, WITHIN
from flexmeasures_pms.errors import Problem
from flexmeasures_pms.plural import counted
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.storage.flapping import Flapping
from flexmeasures_pms.storage.queries.docks import DockReading

_NAMED = 4


class PackReport(NamedTuple):
    """The place of a pack in a sample.

    :param sample: the sample's position in the request.
    :param dock: dock across the PMS; None for a pack without one.
    """

    sample: int
    case: Entry
    pms: Entry
    dock: int | None
    time: datetime


@dataclass(frozen=True, slots=True)
class Before:
    """What is known of a pack before the reports of a request.

    :param docks: its docks in the hour before them, in order of time.
    :param newest: time of its newest reading.
    :param flaps_until: it flaps until then, unless it is reported from another place again.
    """

    docks: Sequence[DockReading] = ()
    newest: datetime | None = None
    flaps_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Flap:
    """A pack that flaps, at the first of its reports that is not recorded.

    :param places: from which it was reported.
    :param changes: how often its place changed within an hour.
    """

    report: PackReport
    places: tuple[str, ...]
    changes: int

    def warning(self, path: str) -> Problem:
        """Return the warning of a receipt.

        :param path: of the sample.
        """
        ident = self.report.case.ident
        return Problem(
            f"{path}.pack.dock",
            "pack_flaps",
            f"Pack '{ident}' is reported from {' and '.join(self.places)}: "
            f"{counted(self.changes, 'change')} within an hour. Its readings are stored, but its "
            f"moves are not recorded until it stays in one dock for {SETTLED // _MINUTE} minutes. "
            "Check whether two packs answer with this id, and the addresses on the bus.",
            ident,
        )


@dataclass(frozen=True, slots=True)
class Followed:
    """The reports of one pack of a request.

    :param moves: those that may be recorded.
    :param flap: at the first of the others.
    :param state: of the pack after them; None where it stayed steady.
    """

    moves: list[PackReport]
    flap: Flap | None
    state: Flapping | None


Place = tuple[int, int]


@dataclass(slots=True)
class _Track:
    """Where a pack was reported, so far.

    :param place: source and dock.
    :param since: since when it has been in its place.
    :param changes: when its place changed, in order.
    :param seen: when it was last reported from each of its places.
    :param unsteady: it flapped, or was in two places at once, and has not settled since.
    """

    place: Place | None = None
    since: datetime | None = None
    changes: list[datetime] = field(default_factory=list)
    seen: dict[Place, datetime] = field(default_factory=dict)
    unsteady: bool = False

    def go_on(self, time: datetime, source: int, dock: int | None) -> datetime | None:
        """Add a report. Without a dock it is from the same one, if the same PMS sent it.

        :returns: when it was here before, if it was elsewhere only for a moment since.
        """
        if dock is None:
            dock = self.place[1] if self.place and self.place[0] == source else 0
        here, before, back = (source, dock), self.place, None
        if here != before:
            if before is not None:
                self.changes.append(time)
                last = self.seen.get(here)
                together = self.seen[before] == time
                back = last if last and time - last < AT_ONCE else time if together else None
            self.place, self.since = here, time
        self.seen[here] = time
        self._judge(time, at_once=back is not None)
        return back

    def _judge(self, time: datetime, *, at_once: bool) -> None:
        if self.since is not None and time - self.since >= SETTLED:
            self.unsteady = False
        elif at_once or self.recent(time) > MOST_CHANGES:
            self.unsteady = True

    def recent(self, time: datetime) -> int:
        """Return how often the place changed in the hour before a time."""
        return len(self.changes) - bisect_right(self.changes, time - WITHIN)


_MINUTE = timedelta(minutes=1)
_time = attrgetter("time")


def follow_pack(reports: Sequence[PackReport], before: Before, sources: dict[int, int]) -> Followed:
    """Return which reports of one pack may be recorded as moves, and whether it flaps.

    :param reports: in order of time, at least one.
    :param sources: of PMSes, by their number.
    """
    track = _begun(before, reports[0].time)
    moves: list[PackReport] = []
    first: PackReport | None = None
    most = 0
    for report in reports:
        back = track.go_on(report.time, sources.get(report.pms.id, 0), report.dock)
        if back is not None:
            # In between it was elsewhere as well: that was no move.
            while moves and moves[-1].time > back:
                first = min(first or moves[-1], moves.pop(), key=_time)
        if track.unsteady:
            first, most = first or report, max(most, track.recent(report.time))
        else:
            moves.append(report)
    flap = Flap(first, _named(track, reports, sources), most) if first else None
    return Followed(moves, flap, _state(reports, before, track, first))


def _begun(before: Before, first: datetime) -> _Track:
    track = _Track()
    for reading in before.docks:
        track.go_on(*reading)
    if track.place is not None and before.newest is not None:
        track.seen[track.place] = max(before.newest, track.seen[track.place])
    track.unsteady |= before.flaps_until is not None and first < before.flaps_until
    return track


def _state(
    reports: Sequence[PackReport], before: Before, track: _Track, first: PackReport | None
) -> Flapping | None:
    last = reports[-1]
    docks = tuple(sorted({dock for _, dock in track.seen if dock})[:_NAMED])
    if track.unsteady:
        since = (first or reports[0]).time
        return Flapping(last.case.id, since, last.time + SETTLED, docks)
    if before.flaps_until is None or before.flaps_until < reports[0].time:
        return None
    return Flapping(last.case.id, reports[0].time, last.time, docks)


def _named(
    track: _Track, reports: Iterable[PackReport], sources: dict[int, int]
) -> tuple[str, ...]:
    names = {sources.get(r.pms.id, 0): f"PMS '{r.pms.ident}'" for r in reports}
    of_source = [(names.get(source, "another PMS"), dock) for source, dock in track.seen]
    return tuple(f"dock {dock} of {pms}" if dock else pms for pms, dock in of_source[:_NAMED])
