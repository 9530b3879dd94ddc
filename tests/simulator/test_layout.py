"""Layouts, their moves, and the registry file that goes with them."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexmeasures_pms.simulator import Layout, demo_layout, fleet_layout, registry_csv
from flexmeasures_pms.simulator.layout import DockPosition, Move

NOON = datetime.fromisoformat("2026-01-05T12:00+07:00")


def rows(layout: Layout, at: datetime | None = None) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(registry_csv(layout, at))))


def test_the_demo_is_one_pms_of_two_cabinets_with_six_cases_each() -> None:
    (system,) = demo_layout().systems
    assert system.pms == "PMS-01-001"
    assert [c.ident for c in system.cabinets] == ["CAB-01-001", "CAB-01-002"]
    assert [c.ident for c in system.cases()] == [f"{n:04d}" for n in range(241, 253)]
    assert [c.dock for c in system.cases()] == [1, 2, 3, 4, 5, 6] * 2
    assert system.mppts == ("IT6415AD-01-001", "IT6415AD-01-002")
    assert system.inverters == ("SPI-B2-01-001",)


def test_the_second_cabinet_reports_by_board_id() -> None:
    first, second = demo_layout().systems[0].cabinets
    assert [c.pack_id for c in first.cases] == [c.ident for c in first.cases]
    assert [c.pack_id for c in second.cases] == [c.board for c in second.cases]
    assert all(re.fullmatch("[0-9a-f]{23}", c.board) for c in first.cases + second.cases)


@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 12))
def test_no_id_is_used_twice(pms: int, cabinets: int, packs: int) -> None:
    layout = fleet_layout(pms, cabinets, packs, swap_at=NOON)
    ids = [
        ident
        for system in layout.systems
        for ident in (
            system.pms,
            *system.mppts,
            *system.inverters,
            *(i for c in system.cabinets for i in (c.ident, c.ehub, c.busbar)),
            *(i for c in system.cases() for i in (c.ident, c.board, c.fet_board, *c.cell_blocks)),
        )
    ]
    assert len(set(ids)) == len(ids)
    assert len(rows(layout)) == pms * cabinets * packs


def test_a_moved_case_is_nowhere_while_it_is_carried() -> None:
    layout = demo_layout(swap_at=NOON)
    system = layout.systems[0]
    case = next(c for c in system.cases() if c.ident == "0246")
    assert layout.place(system, case, NOON - timedelta(minutes=6)) == DockPosition(1, 6)
    assert layout.place(system, case, NOON - timedelta(minutes=1)) is None
    assert layout.place(system, case, NOON) == DockPosition(2, 7)
    assert DockPosition(2, 7).across == 19


def test_the_registry_file_has_the_parts_and_docks_of_each_case() -> None:
    row = rows(demo_layout())[6]
    assert row["pack.id"] == "0247"
    assert (row["pms.id"], row["cabinet.id"], row["dock"]) == ("PMS-01-001", "CAB-01-002", "1")
    assert (row["ehub.id"], row["busbar.id"]) == ("EHUB-01-002", "BUS-01-002")
    assert row["board.id"] == demo_layout().systems[0].cases()[6].board
    assert [row[f"cell.id.{n}"] for n in (1, 14)] == ["CB-0247-01", "CB-0247-14"]


def test_the_registry_file_of_a_moment_has_the_docks_of_that_moment() -> None:
    layout = demo_layout(swap_at=NOON)
    before, after = (rows(layout, at)[5] for at in (NOON - timedelta(hours=1), NOON))
    assert (before["cabinet.id"], before["dock"]) == ("CAB-01-001", "6")
    assert (after["cabinet.id"], after["dock"], after["ehub.id"]) == (
        "CAB-01-002",
        "7",
        "EHUB-01-002",
    )


@pytest.mark.parametrize(
    ("move", "message"),
    [
        (Move("0999", NOON, "CAB-01-002", 7), "Case 0999 is to move, but is not in the layout."),
        (Move("0241", NOON, "CAB-09-009", 7), "not a cabinet of PMS-01-001"),
        (Move("0241", NOON, "CAB-01-002", 13), "a cabinet has docks 1-12"),
        (Move("0241", NOON, "CAB-01-002", 1), "Dock 1 of CAB-01-002 is taken"),
        (Move("0241", NOON.replace(tzinfo=None), "CAB-01-002", 7), "times with an offset"),
    ],
)
def test_a_move_that_cannot_be_made_is_refused(move: Move, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(demo_layout(None), moves=(move,))


def test_moves_out_of_order_are_refused() -> None:
    moves = (
        Move("0241", NOON, "CAB-01-002", 7),
        Move("0241", NOON - timedelta(hours=1), "CAB-01-002", 8),
    )
    with pytest.raises(ValueError, match="in order of time"):
        replace(demo_layout(None), moves=moves)


@pytest.mark.parametrize("size", [(0, 1, 1), (1, 5, 1), (1, 1, 13), (1, 1, 0)])
def test_a_fleet_beyond_the_limits_is_refused(size: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="A fleet has"):
        fleet_layout(*size)


def test_a_layout_that_cannot_stand_is_refused() -> None:
    system = demo_layout().systems[0]
    first = system.cabinets[0]
    crowded = replace(first, cases=(first.cases[0], replace(first.cases[1], dock=1)))
    with pytest.raises(ValueError, match="two cases in one dock"):
        Layout((replace(system, cabinets=(crowded,)),))
    with pytest.raises(ValueError, match="at least one MPPT"):
        Layout((replace(system, mppts=()),))
    with pytest.raises(ValueError, match="1 to 4"):
        Layout((replace(system, cabinets=()),))
    with pytest.raises(ValueError, match="used twice"):
        Layout((system, system))
