"""Two years of the demo's site before its first reading: its parts, and the boards swapped since.

Most acquisition boards of one batch fail within 14 months. It is entered before the site is
registered, as of a site that has kept records.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from flexmeasures.data import db

from flexmeasures_pms.demo.products import (
    BAD_BOARDS,
    CASES,
    CELL_BLOCKS,
    FET_BOARDS,
    GOOD_BOARDS,
    NEW_BOARDS,
    SERVICE,
    DemoBatch,
    register_records,
    state_batch,
)
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.editing import moves, registration
from flexmeasures_pms.registry.editing.change import Author
from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.editing.event import BusinessEvent
from flexmeasures_pms.registry.editing.writer import editing
from flexmeasures_pms.registry.kinds import BOARD, CASE, CELL_BLOCK, FET_BOARD
from flexmeasures_pms.simulator import Case, Layout, make_case

AUTHOR = "demo"
YEARS = timedelta(days=2 * 365)
BAD = frozenset({1, 2, 4, 5, 7, 8, 10, 11})
"""The cases, in order of the layout from 0, that had boards of the bad batch at first."""

SWAPPED_AFTER = {1: 95, 4: 150, 5: 210, 7: 260, 10: 330, 11: 410, 6: 590}
"""Days after which the first board of a case was swapped; the others are still there."""


@dataclass(frozen=True, slots=True)
class BoardSwap:
    """The first board of a case, swapped for the one of the layout."""

    case: Case
    old: str
    at: datetime


def register_history(account_id: int, layout: Layout, now: datetime) -> None:
    """Enter the history of a site whose cases are not registered yet; else change nothing.

    Commits, all of it or nothing.

    :param now: in the site's timezone.
    """
    cases = [case for system in layout.systems for case in system.cases()]
    expected = sum(4 + len(case.cell_blocks) for case in cases)
    with editing(account_id, Author(AUTHOR), expected=expected) as changeset:
        if not any(changeset.view.find(CASE, case.ident) for case in cases):
            _enter(changeset, layout, cases, now.date() - YEARS)
    db.session.commit()


def _enter(changeset: Changeset, layout: Layout, cases: Sequence[Case], began: date) -> None:
    """Enter the history of a site that began to work on a day."""
    author, swaps = changeset.author, board_swaps(layout, began)
    changeset.author = replace(author, note="the site began to work")
    register_records(changeset, began)
    first = {swap.case: swap.old for swap in swaps}
    for number, case in enumerate(cases):
        batch = BAD_BOARDS if number in BAD else GOOD_BOARDS
        board = _board(changeset, first.get(case, case.board), batch, began)
        _assemble(changeset, case, board, layout, began)
    fault = BusinessEvent(cause="fault", code="NO-READINGS", person=SERVICE)
    changeset.author = replace(author, event=fault)
    for swap in swaps:
        new = _board(changeset, swap.case.board, NEW_BOARDS, began)
        old = registration.register(changeset, BOARD, swap.old)
        moves.swap(changeset, old, new, swap.at)


def board_swaps(layout: Layout, began: date) -> list[BoardSwap]:
    """Return the swaps of boards in order of time.

    :param began: the day on which the site began to work.
    """
    cases = [case for system in layout.systems for case in system.cases()]
    swaps = (
        BoardSwap(case, _old_board(case), _morning(layout, began, SWAPPED_AFTER[number]))
        for number, case in enumerate(cases)
        if number in SWAPPED_AFTER
    )
    return sorted(swaps, key=lambda swap: swap.at)


def _old_board(case: Case) -> str:
    """Return the id of the board that a case had at first: that of a case of no site."""
    return make_case(f"{int(case.ident) + 5000:04d}", case.dock).board


def _morning(layout: Layout, began: date, days: int) -> datetime:
    return datetime.combine(began + timedelta(days=days), time(10), layout.zone)


def _board(changeset: Changeset, ident: str, batch: DemoBatch, began: date) -> Entry:
    board = registration.register(changeset, BOARD, ident)
    state_batch(changeset, board, batch, began, serial=ident[-6:])
    return board


def _assemble(changeset: Changeset, case: Case, board: Entry, layout: Layout, began: date) -> None:
    """Register a case with its parts, which were in it since the site began to work."""
    at, whole = _morning(layout, began, 0), registration.register(changeset, CASE, case.ident)
    state_batch(changeset, whole, CASES, began)
    moves.install(changeset, board, whole, at=at)
    fet_board = registration.register(changeset, FET_BOARD, case.fet_board)
    state_batch(changeset, fet_board, FET_BOARDS, began)
    moves.install(changeset, fet_board, whole, at=at)
    for place, ident in enumerate(case.cell_blocks, 1):
        block = registration.register(changeset, CELL_BLOCK, ident)
        state_batch(changeset, block, CELL_BLOCKS, began)
        moves.install(changeset, block, whole, place, at)
