"""Hot swap: a pack that reports from another place than registered has been moved.

The device is right. Its report is stored, and the move is recorded in the registry as a
transaction with the device as its author. A late report does not undo a newer one: only a
reading newer than all stored readings of the case can move it. Nor does a report that is ahead
of the clock, one of a pack that is retired, or one of a pack that flaps (``flapping.py``), of
which late reports tell as well.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from flexmeasures_pms.beliefs.provision import make_ready
from flexmeasures_pms.catalogue.limits import WITHIN
from flexmeasures_pms.ingest.flapping import Before, Flap, PackReport, follow_pack
from flexmeasures_pms.registry.directory import Directory
from flexmeasures_pms.registry.editing import hot_swap
from flexmeasures_pms.registry.editing.change import Author
from flexmeasures_pms.storage.flapping import Flapping, flaps_until
from flexmeasures_pms.storage.queries.docks import DockReading, dock_readings
from flexmeasures_pms.storage.readings.latest import newest_times
from flexmeasures_pms.storage.session import after_commit


@dataclass(frozen=True, slots=True)
class Unexpected:
    """Reports from other places than registered.

    :param reports: those to be recorded as moves, oldest first.
    :param flaps: packs of which some are not.
    :param states: which packs flap from now on, or no longer do.
    """

    reports: list[PackReport] = field(default_factory=list)
    flaps: list[Flap] = field(default_factory=list)
    states: list[Flapping] = field(default_factory=list)


def is_expected(report: PackReport, registered: Directory) -> bool:
    """Whether a pack was reported in its registered place at that time."""
    found = registered.dock_in_pms(report.case.id, report.time)
    if found is None or found[0] != report.pms.id:
        return False
    return report.dock is None or report.dock == found[1]


def unexpected(
    reports: Iterable[PackReport],
    registered: Directory,
    sources: dict[int, int],
    until: datetime,
) -> Unexpected:
    """Return the reports of packs that are not all in their registered place.

    Reports older than a stored reading are no moves: the registry may have changed since. Those
    of the hour before it tell whether the pack flaps. Call it before the write.

    :param sources: of the reporting PMSes, by their number.
    :param until: time of the last report that is not ahead of the clock: nothing has moved yet
        in the future.
    """
    by_case: dict[int, list[PackReport]] = {}
    for report in reports:
        if report.time <= until and not report.case.is_retired(report.time):
            by_case.setdefault(report.case.id, []).append(report)
    suspects = {
        case: of_case
        for case, of_case in by_case.items()
        if not all(is_expected(report, registered) for report in of_case)
    }
    return _followed(suspects, registered, sources) if suspects else Unexpected()


def _followed(
    suspects: Mapping[int, list[PackReport]], registered: Directory, sources: dict[int, int]
) -> Unexpected:
    newest, until = newest_times(suspects), flaps_until(suspects)
    recent = [_recent(of_case, newest.get(case), registered) for case, of_case in suspects.items()]
    elsewhere = [of_case for of_case in recent if of_case]
    docks = _docks_before(elsewhere, newest)
    found = Unexpected()
    for of_case in elsewhere:
        case = of_case[0].case.id
        before = Before(docks.get(case, ()), newest.get(case), until.get(case))
        followed = follow_pack(of_case, before, sources)
        if not all(is_expected(report, registered) for report in followed.moves):
            found.reports.extend(followed.moves)
        found.flaps.extend([followed.flap] if followed.flap else [])
        found.states.extend([followed.state] if followed.state else [])
    found.reports.sort(key=lambda report: report.time)
    return found


def _recent(
    reports: Sequence[PackReport], newest: datetime | None, registered: Directory
) -> list[PackReport]:
    """Return the reports of a case that tell of its place now; none if that is as registered.

    They are in order of time; of one time, those of its registered place are first.
    """
    judged = [
        (r.time, not is_expected(r, registered), r)
        for r in reports
        if newest is None or r.time > newest - WITHIN
    ]
    if not any(elsewhere for _, elsewhere, _ in judged):
        return []
    return [r for _, _, r in sorted(judged, key=lambda one: one[:2])]


def is_newer(report: PackReport, newest: datetime | None) -> bool:
    """Whether a report is newer than the newest reading of its case, if there is any."""
    return newest is None or report.time > newest


def _docks_before(
    elsewhere: Sequence[Sequence[PackReport]], newest: Mapping[int, datetime]
) -> Mapping[int, list[DockReading]]:
    """Return the docks of cases since an hour before their first reports, by case."""
    cases = [(r[0].case.id, r[0].time) for r in elsewhere if r[0].case.id in newest]
    return dock_readings([(case, first - WITHIN, newest[case]) for case, first in cases])


def record_moves(account_id: int, reports: Sequence[PackReport]) -> set[int]:
    """Record the moves in stored reports, oldest first; return what has changed."""
    if not reports:
        return set()
    author = Author("device", "reported from there")
    moves = [
        hot_swap.DockReport(r.case.id, r.pms.id, r.dock, r.time, f"device:{r.pms.ident}")
        for r in reports
    ]
    return set(hot_swap.record_moves(account_id, moves, author).touched)


def follow_moves(account_id: int, touched: Collection[int]) -> None:
    """Update the assets of what has moved, after the commit; what fails is done later."""
    if touched:
        with after_commit("Assets of packs that moved are updated later."):
            make_ready(account_id, touched)
