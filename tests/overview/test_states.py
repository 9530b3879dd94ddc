"""Health states, by limits that are defined in one place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from flexmeasures_pms.overview.states import (
    LEVELS,
    OK,
    CellState,
    Code,
    Extremes,
    Finding,
    cell_state,
    deviations,
    is_silent,
    judged,
    worst_first,
    worst_of_each,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("extremes", "codes"),
    [
        (Extremes(), []),
        (Extremes(hottest=54.9, hottest_fet=79.9, highest=4.2, lowest=3.0, weak_by=29.9), []),
        (Extremes(hottest=55.0), ["hot"]),
        (Extremes(hottest_fet=80.0), ["fet_hot"]),
        (Extremes(highest=4.201), ["cell_high"]),
        (Extremes(lowest=2.999), ["cell_low"]),
        (Extremes(weak_by=30.0), ["weak_cell"]),
        (Extremes(hottest=60.0, weak_by=90.0), ["hot", "weak_cell"]),
    ],
)
def test_a_figure_is_judged_by_its_limit(extremes: Extremes, codes: list[Code]) -> None:
    assert [limit.code for limit, _ in judged(extremes)] == codes


def test_a_cell_is_compared_with_the_mean_of_the_others() -> None:
    assert deviations([3.7] * 13 + [3.64])[13] == -60.0
    assert deviations([3.7, None, 3.7]) == [0, None, 0]
    assert deviations([3.7, None]) == [None, None]


def test_others_that_are_too_high_do_not_count() -> None:
    assert deviations([3.7] * 12 + [3.64, 4.25])[12:] == [-60.0, pytest.approx(554.615)]
    assert deviations([3.7, 4.25, 4.25]) == [-550.0, 550.0, 550.0]
    assert deviations([4.25, 4.3]) == [-50.0, 50.0]


@pytest.mark.parametrize(
    ("volts", "deviation", "state"),
    [
        (None, None, "unread"), (4.2, None, "normal"), (4.201, None, "high"),
        (3.0, -29.96, "normal"), (3.0, -30.0, "weak"), (2.999, -90.0, "low"), (3.0, 90.0, "normal"),
    ],
)  # fmt: skip
def test_a_cell_is_judged_by_the_limits(
    volts: float | None, deviation: float | None, state: CellState
) -> None:
    assert cell_state(volts, deviation) == state


def test_a_thing_is_silent_after_five_minutes() -> None:
    assert not is_silent(NOON, NOON + timedelta(minutes=5))
    assert is_silent(NOON, NOON + timedelta(minutes=5, milliseconds=1))


def test_the_worst_comes_first() -> None:
    silent = [Finding("silent", since=NOON + timedelta(hours=h), ident=f"{h}") for h in (2, 1)]
    low = [Finding("cell_low", volts) for volts in (2.9, 2.5)]
    weak = [Finding("weak_cell", by, (5,)) for by in (40.0, 90.0)]

    assert worst_first([*weak, *silent, *low]) == (*low[::-1], *silent[::-1], *weak[::-1])
    assert worst_first([]) == (OK,)
    assert (OK.level, OK.rank) == ("ok", len(LEVELS) - 1)


def test_each_state_is_told_once_with_how_many_have_it() -> None:
    hot = [Finding("hot", figure, ident=ident) for ident, figure in (("A", 56.0), ("B", 61.0))]
    found = worst_of_each([Finding("unallocated", ident="C"), *hot])
    assert [(f.code, f.figure, f.ident, f.many) for f in found] == [
        ("hot", 61.0, "B", 2), ("unallocated", None, "C", 1),
    ]  # fmt: skip
