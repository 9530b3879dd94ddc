"""Packs that are reported from two places in turn.

Two packs that answer with one id, or a bus that mixes up its addresses, let a pack move twice
with every sample. Each of these moves would be a change of the registry, for ever.

The rule: a pack whose reported place changed more than :data:`MOST_CHANGES` times in the hour
before a report flaps. Moves of such a pack are not recorded until it was reported from one
place, and no other, for :data:`SETTLED`. Its readings are stored as reported, and the receipt
warns.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from flexmeasures_pms.errors import Problem
from flexmeasures_pms.plural import counted
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.storage.queries.docks import DockReading

MOST_CHANGES = 6
WITHIN = timedelta(hours=1)
SETTLED = timedelta(minutes=5)


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


@dataclass(slots=True)
class _Track:
    """Where a pack was reported, so far.

    :param place: source and dock.
    :param since: since when it has been in its place.
    :param changes: when its place changed, in order.
    :param places: all its places.
    """

    place: tuple[int, int] | None = None
    since: datetime | None = None
    changes: list[datetime] = field(default_factory=list)
    places: dict[tuple[int, int], None] = field(default_factory=dict)

    def go_on(self, time: datetime, source: int, dock: int | None) -> None:
        """Add a report. Without a dock it is from the same one, if the same PMS sent it."""
        if dock is None:
            dock = self.place[1] if self.place and self.place[0] == source else 0
        if self.place == (source, dock):
            return
        if self.place is not None:
            self.changes.append(time)
        self.place, self.since = (source, dock), time
        self.places[source, dock] = None

    def flaps(self, time: datetime) -> bool:
        """Whether a move at a time is not to be recorded."""
        unsettled = self.since is not None and time - self.since < SETTLED
        return unsettled and self.recent(time) > MOST_CHANGES

    def recent(self, time: datetime) -> int:
        """Return how often the place changed in the hour before a time."""
        return len(self.changes) - bisect_right(self.changes, time - WITHIN)


_MINUTE = timedelta(minutes=1)


def steady(
    reports: Sequence[PackReport], before: Iterable[DockReading], sources: dict[int, int]
) -> tuple[list[PackReport], Flap | None]:
    """Return the reports of one pack that may be recorded as moves, and whether it flaps.

    :param reports: in order of time.
    :param before: its docks in the hour before them.
    :param sources: of PMSes, by their number.
    """
    track = _Track()
    for reading in before:
        track.go_on(*reading)
    kept: list[PackReport] = []
    first: PackReport | None = None
    most = 0
    for report in reports:
        track.go_on(report.time, sources.get(report.pms.id, 0), report.dock)
        if not track.flaps(report.time):
            kept.append(report)
            continue
        first, most = first or report, max(most, track.recent(report.time))
    return kept, Flap(first, _named(track, reports, sources), most) if first else None


def _named(
    track: _Track, reports: Iterable[PackReport], sources: dict[int, int]
) -> tuple[str, ...]:
    names = {sources.get(r.pms.id, 0): f"PMS '{r.pms.ident}'" for r in reports}
    of_source = [(names.get(source, "another PMS"), dock) for source, dock in track.places]
    return tuple(f"dock {dock} of {pms}" if dock else pms for pms, dock in of_source[:4])
