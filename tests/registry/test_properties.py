"""Whatever is done to a registry, parts and places are in one state at a time."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from support.profiles import examples
from support.registry import Registry
from support.work import instructions

from flexmeasures_pms.errors import RegistryConflict
from flexmeasures_pms.registry.directory import Directory, Entry
from flexmeasures_pms.registry.editing import correction, hot_swap, moves, registration
from flexmeasures_pms.registry.editing.change import Author
from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.timeline import (
    FOREVER,
    SINCE_EVER,
    Installation,
    Rows,
    difference,
    ended_at,
    next_begin,
    overlapping,
    previous_end,
    row_at,
    with_row,
    without,
)

Things = dict[str, list[Entry]]
Operation = tuple[Any, ...]

START = datetime(2026, 3, 1, tzinfo=UTC)
HOURS = [START + timedelta(hours=n) for n in range(5)]
NOW = START + timedelta(hours=5)

hours = st.sampled_from(HOURS)
maybe = st.none() | hours
number = st.integers(0, 2)
of_boards = (
    st.tuples(st.just("install"), number, number, maybe),
    st.tuples(st.just("remove"), number, maybe),
    st.tuples(st.just("swap"), number, number, maybe),
    st.tuples(st.just("correct"), number, st.none() | number, maybe, maybe),
)
operations = st.lists(st.one_of(of_boards), min_size=3, max_size=12) | st.lists(
    st.one_of(
        *of_boards,
        st.tuples(st.just("dock"), number, st.integers(1, 2), maybe),
        st.tuples(
            st.just("report"), number, st.integers(0, 1), st.none() | st.integers(1, 2), hours
        ),
    ),
    min_size=3,
    max_size=15,
)


def new_book() -> tuple[Changeset, Things]:
    """Three boards in three cases, and two PMSes, one with a cabinet."""
    nothing: Any = {}
    empty = Directory(1, 0, nothing, nothing, nothing, nothing, nothing)
    numbers = count(1)
    changeset = Changeset(empty, Author("tests"), NOW, lambda: [next(numbers)])
    things = {
        kind: [registration.register(changeset, kind, f"{kind} {n}") for n in range(3)]
        for kind in ("acquisition-board", "case", "cabinet", "pms")
    }
    moves.install(changeset, things["cabinet"][0], things["pms"][0])
    for board, case in zip(things["acquisition-board"], things["case"], strict=True):
        moves.install(changeset, board, case, None, HOURS[1])
    return changeset, things


def apply(changeset: Changeset, things: Things, operation: Operation) -> None:
    verb, *args = operation
    boards, cases = things["acquisition-board"], things["case"]
    if verb == "install":
        moves.install(changeset, boards[args[0]], cases[args[1]], None, args[2])
    elif verb == "remove":
        moves.remove(changeset, boards[args[0]], args[1])
    elif verb == "swap":
        moves.swap(changeset, boards[args[0]], boards[args[1]], args[2])
    elif verb == "correct":
        case = None if args[1] is None else cases[args[1]]
        correction.correct(changeset, boards[args[0]], case, since=args[2], until=args[3])
    elif verb == "dock":
        moves.install(changeset, cases[args[0]], things["cabinet"][0], args[1], args[2])
    else:
        pms = things["pms"][args[1]]
        report = hot_swap.DockReport(cases[args[0]].id, pms.id, args[2], args[3])
        hot_swap.record_move(changeset, report)


def numbers(things: Things) -> list[int]:
    return [entry.id for entries in things.values() for entry in entries]


def installations(changeset: Changeset, things: Things) -> dict[int, tuple[Installation, ...]]:
    """Return the installations of all things by their number."""
    return {number: changeset.rows(number) for number in numbers(things)}


def check(changeset: Changeset, things: Things) -> None:
    """Fail if a part or a place is in two states at once, or the two sides differ."""
    by_part = installations(changeset, things)
    inside = [changeset.view.by_assembly.get(number, ()) for number in numbers(things)]
    from_parts = sorted((r for rows in by_part.values() for r in rows), key=str)
    from_assemblies = sorted((r for rows in inside for r in rows), key=str)
    assert from_parts == from_assemblies
    by_spot: dict[Any, list[Installation]] = {}
    for row in from_parts:
        assert row.begin < row.end
        if row.place is not None:
            by_spot.setdefault(row.spot, []).append(row)
    for rows in (*by_part.values(), *by_spot.values()):
        ordered = sorted(rows, key=lambda r: r.begin)
        assert all(a.end <= b.begin for a, b in pairwise(ordered))
    for spot, rows in by_spot.items():
        assert list(changeset.in_spot(spot)) == sorted(rows, key=lambda r: r.begin)
    for number, rows in zip(numbers(things), inside, strict=True):
        cabinets = [r for r in rows if r.slot == "cabinet"]
        assert list(changeset.view.cabinet_rows.get(number, ())) == cabinets
    for rows in by_part.values():
        assert list(rows) == sorted(rows, key=lambda r: r.begin)
        assert all(a.end < b.begin or a.spot != b.spot for a, b in pairwise(rows))


@settings(max_examples=examples(400))
@given(operations)
def test_no_sequence_of_changes_puts_a_part_or_place_in_two_states(
    sequence: list[Operation],
) -> None:
    changeset, things = new_book()
    for operation in sequence:
        before = installations(changeset, things)
        entered = len(changeset.transactions)
        try:
            apply(changeset, things, operation)
        except RegistryConflict:
            assert installations(changeset, things) == before
            continue
        check(changeset, things)
        assert (installations(changeset, things) != before) == (
            len(changeset.transactions) > entered
        )


JOINED = [
    ("install", 0, 1, HOURS[0]),
    ("install", 0, 2, HOURS[1]),
    ("install", 0, 1, HOURS[3]),
    ("correct", 0, 1, HOURS[2], HOURS[3]),
]
"""What is corrected is joined with what follows, and an earlier one is nearer from then."""


@settings(max_examples=examples(100))
@given(operations)
@example(JOINED)
def test_a_change_that_is_made_again_changes_nothing(sequence: list[Operation]) -> None:
    changeset, things = new_book()
    for operation in sequence:
        try:
            apply(changeset, things, operation)
        except RegistryConflict:
            continue
        once = installations(changeset, things)
        # Refused is right too: what was swapped out is not there to be swapped any more.
        with suppress(*([] if operation[0] == "correct" else [RegistryConflict])):
            apply(changeset, things, operation)
        assert installations(changeset, things) == once


@settings(max_examples=examples(200))
@given(operations, number, number, hours)
def test_what_was_installed_removed_or_swapped_is_so_at_that_time(
    sequence: list[Operation], part: int, whole: int, at: datetime
) -> None:
    changeset, things = new_book()
    for operation in sequence:
        try:
            apply(changeset, things, operation)
        except RegistryConflict:
            continue
    board, case = things["acquisition-board"][part], things["case"][whole]
    try:
        moves.install(changeset, board, case, None, at)
    except RegistryConflict:
        taken = row_at(changeset.in_spot((case.id, "acquisition-board", 1)), at)
        assert taken is not None
        assert taken.part_id != board.id
    else:
        found = changeset.view.installed(board.id, at)
        assert found is not None
        assert found.assembly_id == case.id
    moves.remove(changeset, board, at)
    assert changeset.view.installed(board.id, at) is None


@settings(max_examples=examples(200))
@given(operations, number, number, maybe, maybe)
def test_what_was_corrected_is_so_for_all_of_the_time_said(
    sequence: list[Operation], part: int, whole: int, since: datetime | None, until: datetime | None
) -> None:
    changeset, things = new_book()
    for operation in sequence:
        try:
            apply(changeset, things, operation)
        except RegistryConflict:
            continue
    board, case = things["acquisition-board"][part], things["case"][whole]
    try:
        correction.correct(changeset, board, case, since=since, until=until)
    except RegistryConflict:
        return
    rows = [r for r in changeset.rows(board.id) if r.assembly_id == case.id]
    assert since is None or any(r.begin <= since < r.end for r in rows)
    assert until is None or any(r.begin < until <= r.end for r in rows)


rows_of_one_part = st.lists(st.tuples(st.integers(1, 3), hours, hours), max_size=6)


@given(rows_of_one_part, hours, hours)
def test_what_is_cut_out_is_gone_and_the_rest_stays(
    drawn: list[tuple[int, datetime, datetime]], begin: datetime, end: datetime
) -> None:
    rows: tuple[Installation, ...] = ()
    for place, a, b in drawn:
        rows = with_row(rows, Installation(1, 2, "dock", place, a, b))
    left = without(rows, begin, end)
    for moment in HOURS:
        before, after = row_at(rows, moment), row_at(left, moment)
        if begin <= moment < end:
            assert after is None
        else:
            assert (after and after.spot) == (before and before.spot)


def plain_without(rows: Iterable[Installation], begin: datetime, end: datetime) -> Rows:
    """The same as ``without``, row by row."""
    left = []
    for row in rows:
        for a, b in ((row.begin, min(row.end, begin)), (max(row.begin, end), row.end)):
            if a < b:
                left.append(row if (a, b) == (row.begin, row.end) else row.between(a, b))
    return tuple(left)


def plain_with(rows: Iterable[Installation], new: Installation) -> Rows:
    """The same as ``with_row``, row by row."""
    joined: list[Installation] = []
    for row in sorted((*plain_without(rows, new.begin, new.end), new), key=lambda r: r.begin):
        if joined and joined[-1].end == row.begin and joined[-1].spot == row.spot:
            joined[-1] = row.between(joined[-1].begin, row.end)
        else:
            joined.append(row)
    return tuple(joined)


@given(rows_of_one_part, hours, hours)
def test_what_is_found_by_halving_is_what_looking_through_all_finds(
    drawn: list[tuple[int, datetime, datetime]], begin: datetime, end: datetime
) -> None:
    rows: Rows = ()
    for number, (place, a, b) in enumerate(drawn):
        if a >= b:
            continue
        new = Installation(1, 2, "dock", place, a, b, id=number)
        before, rows, plain = rows, with_row(rows, new), plain_with(rows, new)
        assert rows == plain
        changed = difference(before, rows)
        rest = len(rows) - changed.stop
        assert before[: changed.start] == rows[: changed.start]
        assert rest == 0 or before[-rest:] == rows[changed.stop :]
    if begin < end:
        assert without(rows, begin, end) == plain_without(rows, begin, end)
        assert rows[overlapping(rows, begin, end)] == tuple(
            r for r in rows if r.begin < end and begin < r.end
        )
    assert next_begin(rows, begin) == min(
        (r.begin for r in rows if r.begin > begin), default=FOREVER
    )
    assert previous_end(rows, end) == max((r.end for r in rows if r.end < end), default=SINCE_EVER)
    assert ended_at(rows, end) == next((r for r in rows if r.end == end), None)


def report_all(changeset: Changeset, reports: Iterable[hot_swap.DockReport]) -> None:
    for report in reports:
        hot_swap.record_move(changeset, report)


def test_a_move_of_a_part_that_was_moved_often_is_no_more_work() -> None:
    def work(moves_before: int, *, backwards: bool) -> int:
        """Return the instructions of 20 moves between two docks after some others."""
        changeset, things = new_book()
        case, pms = things["case"][0], things["pms"]
        times = [START + timedelta(minutes=n) for n in range(moves_before + 20)]
        reports = [
            hot_swap.DockReport(case.id, pms[n % 2].id, 1 + n % 3 % 2, time)
            for n, time in enumerate(reversed(times) if backwards else times)
        ]
        report_all(changeset, reports[:moves_before])
        return instructions(lambda: report_all(changeset, reports[moves_before:]))

    for backwards in (False, True):
        few, many = (work(count, backwards=backwards) for count in (40, 1_000))
        assert many < 1.5 * few


def test_the_unknown_beginning_is_before_and_the_open_end_after_everything() -> None:
    row = Installation(1, 2, "dock", 1, SINCE_EVER, FOREVER)
    assert row_at((row,), datetime(1, 1, 2, tzinfo=UTC)) == row
    assert row_at((row,), datetime(9999, 12, 30, tzinfo=UTC)) == row


@pytest.mark.parametrize("seed", range(3))
def test_the_database_keeps_what_the_book_says(registry: Registry, seed: int) -> None:
    import random

    from flexmeasures_pms.registry.editing.writer import editing

    with editing(registry.account_id, Author("tests")) as changeset:
        things = {
            kind: [registration.register(changeset, kind, f"{kind} {n}") for n in range(3)]
            for kind in ("acquisition-board", "case", "cabinet", "pms")
        }
    chance = random.Random(seed)
    for _ in range(25):
        verb = chance.choice(("install", "remove", "swap", "correct"))
        args = {
            "install": (chance.randrange(3), chance.randrange(3), chance.choice(HOURS)),
            "remove": (chance.randrange(3), chance.choice(HOURS)),
            "swap": (chance.randrange(3), chance.randrange(3), chance.choice(HOURS)),
            "correct": (chance.randrange(3), chance.randrange(3), chance.choice(HOURS), None),
        }[verb]
        try:
            with editing(registry.account_id, Author("tests")) as changeset:
                apply(changeset, things, (verb, *args))
        except RegistryConflict:
            continue
        check(changeset, things)
        stored = registry.directory
        for part in things["acquisition-board"]:
            in_book = [replace(r, id=0) for r in changeset.rows(part.id)]
            assert [replace(r, id=0) for r in stored.by_part.get(part.id, ())] == in_book
