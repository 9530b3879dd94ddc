"""Hot swap: a pack that reports from another place than registered has been moved.

The device is right. Its report is stored, and the move is recorded in the registry as a
transaction with the device as its author. A late report does not undo a newer one: only a
reading newer than all stored readings of the case can move it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import NamedTuple
from uuid import uuid4

from flexmeasures_pms.beliefs.provision import sync_assets
from flexmeasures_pms.registry.directory import Directory, Entry
from flexmeasures_pms.registry.editing import hot_swap
from flexmeasures_pms.registry.editing.changeset import Author
from flexmeasures_pms.storage.readings.latest import newest_time


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


def is_expected(report: PackReport, registered: Directory) -> bool:
    """Whether a pack was reported in its registered place at that time."""
    found = registered.dock_in_pms(report.case.id, report.time)
    if found is None or found[0] != report.pms.id:
        return False
    return report.dock is None or report.dock == found[1]


def unexpected(
    reports: Iterable[PackReport], registered: Directory, until: datetime
) -> list[PackReport]:
    """Return the reports of packs that are not all in their registered place, oldest first.

    Reports older than a stored reading are left out: the registry may have changed since.
    Call it before the write.

    :param until: time of the last report that is not ahead of the clock: nothing has moved yet
        in the future.
    """
    by_case: dict[int, list[PackReport]] = {}
    for report in reports:
        if report.time <= until:
            by_case.setdefault(report.case.id, []).append(report)
    found: list[PackReport] = []
    for of_case in by_case.values():
        if not all(is_expected(report, registered) for report in of_case):
            known = newest_time(of_case[0].case.id)
            found += (r for r in of_case if known is None or r.time > known)
    return sorted(found, key=lambda report: report.time)


def record_moves(account_id: int, reports: Sequence[PackReport]) -> None:
    """Record the moves in stored reports, oldest first."""
    if not reports:
        return
    request_id = uuid4()
    touched: set[int] = set()
    for pms, of_pms in groupby(reports, key=lambda report: report.pms.ident):
        author = Author(f"device:{pms}", "reported from there", request_id)
        moves = [hot_swap.DockReport(r.case.id, r.pms.id, r.dock, r.time) for r in of_pms]
        touched.update(hot_swap.record_moves(account_id, moves, author).touched)
    sync_assets(account_id, touched)
