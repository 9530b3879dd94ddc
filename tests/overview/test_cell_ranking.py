"""Which cells stand out, against sums made by hand and by brute force."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.messages import unhurried

from flexmeasures_pms.overview.cell_quantities import CellQuantity
from flexmeasures_pms.overview.cell_ranking import RankedCell, ranking
from flexmeasures_pms.overview.cells import CellMap, PackCells
from flexmeasures_pms.registry.directory import Entry
from flexmeasures_pms.registry.queries.dock_stays import DockStay

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NO = math.nan

Cells = Sequence[Sequence[float]]


def found(*packs: Cells, quantity: CellQuantity = "voltage") -> CellMap:
    """A map of packs ``P1``, ``P2`` … in docks 1, 2 … with columns of a minute."""
    columns = len(packs[0][0])
    rows = tuple(
        row(n, n, START, START + columns * MINUTE, cells) for n, cells in enumerate(packs, 1)
    )
    return CellMap(quantity, START, START + columns * MINUTE, columns, (MINUTE, MINUTE), rows)


def row(case: int, dock: int, begin: datetime, end: datetime, cells: Cells) -> PackCells:
    entry = Entry(case, "case", f"P{case}", asset_id=case)
    return PackCells(DockStay(entry, dock, "A", begin, end), np.array(cells, dtype=float))


def told(ranked: Sequence[RankedCell]) -> list[tuple[str, int, float, float, float | None]]:
    return [(r.case.ident, r.cell, r.duration / MINUTE, r.share, r.weak_by) for r in ranked]


def test_the_lowest_for_longest_comes_first_with_how_far_below_it_was() -> None:
    cells = [[3.70, 3.70, 3.70, 3.50], [3.60, 3.64, 3.70, 3.70], [3.70, 3.72, 3.66, 3.70]]
    # Cell 2 is 0.1 below the mean of 3.70 and 3.70, then 0.07 below that of 3.70 and 3.72.
    assert told(ranking(found(cells))) == [
        ("P1", 2, 2, 0.5, 85.0),
        ("P1", 1, 1, 0.25, 200.0),
        ("P1", 3, 1, 0.25, 40.0),
    ]


def test_gaps_count_neither_as_lowest_nor_as_readings_of_the_pack() -> None:
    cells = [[3.70, NO, NO, 3.70], [3.60, NO, 3.60, NO], [3.70, NO, 3.70, 3.65]]
    assert told(ranking(found(cells))) == [
        ("P1", 2, 2, 0.6667, 100.0),
        ("P1", 3, 1, 0.3333, 50.0),
    ]


def test_who_shares_the_lowest_counts_and_cells_that_are_all_alike_do_not() -> None:
    cells = [[3.60, 3.70], [3.60, 3.70], [3.70, 3.70]]
    assert told(ranking(found(cells))) == [("P1", 1, 1, 0.5, 50.0), ("P1", 2, 1, 0.5, 50.0)]


def test_a_cell_alone_is_no_lowest() -> None:
    assert ranking(found([[3.6, 3.6], [NO, NO]])) == []


def test_of_two_that_were_lowest_as_long_the_weaker_comes_first() -> None:
    slightly, much = [[3.70], [3.69]], [[3.70], [3.50]]
    assert [r.case.ident for r in ranking(found(slightly, much))] == ["P2", "P1"]


def test_the_longest_time_without_a_break_is_told() -> None:
    lowest = [3.6, 3.7, 3.6, 3.6, NO, 3.6]
    (first, *_) = ranking(found([lowest, [3.65] * 6]))
    assert (first.begin, first.end) == (START + 2 * MINUTE, START + 4 * MINUTE)


def test_a_pack_that_changed_its_dock_is_one_pack() -> None:
    moved = START + 2 * MINUTE
    end = START + 4 * MINUTE
    rows = (
        row(1, 3, START, moved, [[3.6, 3.6, NO, NO], [3.7, 3.7, NO, NO]]),
        row(1, 9, moved, end, [[NO, NO, 3.6, 3.7], [NO, NO, 3.7, 3.6]]),
    )
    ranked = ranking(CellMap("voltage", START, end, 4, (MINUTE, MINUTE), rows))
    assert told(ranked)[0] == ("P1", 1, 3, 0.75, 100.0)
    assert ranked[0].dock == 9
    assert (ranked[0].begin, ranked[0].end) == (START, START + 3 * MINUTE)


def test_open_cells_are_ranked_by_how_long_they_were_open() -> None:
    cells: Cells = [[0, 1, 1, NO], [0, 0, 0, 0], [1, 1, 1, 1]]
    assert told(ranking(found(cells, quantity="open"))) == [
        ("P1", 3, 4, 1.0, None),
        ("P1", 1, 2, 0.5, None),
    ]


readings = st.one_of(st.just(NO), st.sampled_from([3.5, 3.6, 3.65, 3.7]))


@st.composite
def packs(draw: st.DrawFn) -> list[list[list[float]]]:
    columns = draw(st.integers(1, 6))
    cell = st.lists(readings, min_size=columns, max_size=columns)
    return draw(st.lists(st.lists(cell, min_size=3, max_size=3), min_size=1, max_size=3))


@unhurried
@given(packs())
def test_the_ranking_is_that_of_brute_force(cells: list[list[list[float]]]) -> None:
    assert {(r.case.ident, r.cell): r for r in ranking(found(*cells))}.keys() == brute(cells).keys()
    for ranked in ranking(found(*cells)):
        lowest, read, depth = brute(cells)[ranked.case.ident, ranked.cell]
        assert ranked.duration == lowest * MINUTE
        assert ranked.share == round(lowest / read, 4)
        assert ranked.weak_by == pytest.approx(depth, abs=0.06)


def brute(packs_of_cells: list[list[list[float]]]) -> dict[tuple[str, int], tuple[int, int, float]]:
    found_: dict[tuple[str, int], tuple[int, int, float]] = {}
    for n, pack in enumerate(packs_of_cells, 1):
        read = 0
        depths: dict[int, list[float]] = {}
        for column in zip(*pack, strict=True):
            there = {i: v for i, v in enumerate(column, 1) if not math.isnan(v)}
            read += bool(there)
            for i, v in there.items():
                if v == min(there.values()) < max(there.values()):
                    others = [w for j, w in there.items() if j != i]
                    depths.setdefault(i, []).append(sum(others) / len(others) - v)
        for i, found_depths in depths.items():
            mean = 1000 * sum(found_depths) / len(found_depths)
            found_[f"P{n}", i] = len(found_depths), read, mean
    return found_
