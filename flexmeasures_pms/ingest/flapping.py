"""Packs that are reported from several places in turn, or at once.

Two packs that answer with one id, or a bus that mixes up its addresses, let a pack move twice
with every sample. Each of these moves would be a change of the registry, for ever.

The rule: a pack flaps when its reported place changed more than ``MOST_CHANGES`` times in the
hour before a report, or when it is in two places at once: reported from both at one time, or from
elsewhere and from the first again within ``AT_ONCE``. Then its readings are stored as reported, and
its place stays the last that held: where it came back to, if it did. It flaps until it was reported
from one place, and no other, for ``SETTLED``; then it has moved there. Late reports count, but move
nothing. The receipt warns, and pages show the state. The limits are in ``catalogue/limits.py``.
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

    :param docks: its docks since an hour before them, where they changed, in order of time.
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

    :param unsteady: it flaps: it was in too many places, or in two at once, and has not settled.
    :param place: source and dock.
    :param since: since when it has been in its place.
    :param changes: when its place changed, in order.
    :param seen: when it was last reported from each of its places.
    :param left: when it was last reported from elsewhere after each of its places.
    """

    unsteady: bool
    place: Place | None = None
    since: datetime | None = None
    changes: list[datetime] = field(default_factory=list)
    seen: dict[Place, datetime] = field(default_factory=dict)
    left: dict[Place, datetime] = field(default_factory=dict)

    def go_on(self, time: datetime, source: int, dock: int | None) -> datetime | None:
        """Add a report. Without a dock it is from the same one, if the same PMS sent it.

        :returns: since when its moves were none, if it is in two places at once.
        """
        if dock is None:
            dock = self.place[1] if self.place and self.place[0] == source else 0
        here = (source, dock)
        if self.since is not None and time - self.since >= SETTLED:
            self.unsteady = False
        back = None if here == self.place else self._change(here, time)
        self.seen[here] = time
        return back

    def _change(self, here: Place, time: datetime) -> datetime | None:
        before, back = self.place, None
        self.place, self.since = here, time
        if before is not None:
            self.changes.append(time)
            away = self.left.get(here)
            if away is not None and time - away < AT_ONCE:
                back = away
            elif self.seen[before] == time:
                back = time
            self.left[before] = time
        self.unsteady |= back is not None or self.recent(time) > MOST_CHANGES
        return back

    def recent(self, time: datetime) -> int:
        """Return how often the place changed in the hour before a time."""
        return len(self.changes) - bisect_right(self.changes, time - WITHIN)


@dataclass(slots=True)
class _Found:
    """What is found of the reports of a pack: see :class:`Followed`.

    :param first: of those that are not recorded.
    :param since: when it began to flap.
    """

    moves: list[PackReport] = field(default_factory=list)
    first: PackReport | None = None
    since: datetime | None = None
    changes: int = 0

    def came_back(self, report: PackReport, back: datetime, *, late: bool) -> None:
        """In between it was elsewhere as well: that was no move. It is where it came back to."""
        while self.moves and self.moves[-1].time >= back:
            self.first = min(self.first or self.moves[-1], self.moves.pop(), key=_time)
        self.since = back
        if back < report.time and not late:
            self.moves.append(report)

    def flaps(self, report: PackReport, changes: int) -> None:
        self.first, self.since = self.first or report, self.since or report.time
        self.changes = max(self.changes, changes)


_MINUTE = timedelta(minutes=1)
_time = attrgetter("time")


def follow_pack(reports: Sequence[PackReport], before: Before, sources: dict[int, int]) -> Followed:
    """Return which reports of one pack may be recorded as moves, and whether it flaps.

    :param reports: in order of time, at least one; of one time, that of its registered place first.
        Those that are not newer than what was before only tell whether it flaps.
    :param sources: of PMSes, by their number.
    """
    until = before.flaps_until
    track = _Track(unsteady=until is not None and reports[0].time < until)
    found = _Found()
    for (time, source, dock), report in _in_order(reports, before, sources):
        steady = not track.unsteady
        back = track.go_on(time, source, dock)
        if report is None:
            continue
        late = before.newest is not None and time <= before.newest
        if back is not None and steady:
            found.came_back(report, back, late=late)
        if track.unsteady:
            found.flaps(report, track.recent(time))
        elif not late:
            found.moves.append(report)
    first = found.first
    flap = Flap(first, _named(track, reports, sources), found.changes) if first else None
    return Followed(found.moves, flap, _state(reports, before, track, found.since))


_Known = tuple[tuple[datetime, int, int | None], PackReport | None]


def _in_order(
    reports: Sequence[PackReport], before: Before, sources: dict[int, int]
) -> list[_Known]:
    """Return what was reported of a pack before and now, in order of time."""
    known: list[_Known] = [(reading, None) for reading in before.docks]
    if before.docks and before.newest is not None:
        # A reading of the same place is not written again.
        known.append((before.docks[-1]._replace(time=before.newest), None))
    known += [((r.time, sources.get(r.pms.id, 0), r.dock), r) for r in reports]
    return sorted(known, key=lambda one: one[0][0])


def _state(
    reports: Sequence[PackReport], before: Before, track: _Track, since: datetime | None
) -> Flapping | None:
    last, until = reports[-1], before.flaps_until
    docks = tuple(sorted({dock for _, dock in track.seen if dock})[:_NAMED])
    if track.unsteady and track.since is not None:
        settles = track.since + SETTLED
        begun = since or reports[0].time
        return Flapping(last.case.id, begun, max(settles, until or settles), docks)
    newer = [r.time for r in reports if before.newest is None or r.time > before.newest]
    if until is None or not newer or until <= newer[0]:
        return None
    return Flapping(last.case.id, newer[0], last.time, docks)


def _named(
    track: _Track, reports: Iterable[PackReport], sources: dict[int, int]
) -> tuple[str, ...]:
    names = {sources.get(r.pms.id, 0): f"PMS '{r.pms.ident}'" for r in reports}
    of_source = [(names.get(source, "another PMS"), dock) for source, dock in track.seen]
    return tuple(f"dock {dock} of {pms}" if dock else pms for pms, dock in of_source[:_NAMED])
