"""Derived quantities, by the figures of the docstrings, and what a gap does to them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from flexmeasures_pms.catalogue import derive

CELLS = tuple(
    Decimal(3654 + n) / 1000 for n in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 18, 22)
)  # 3.654 … 3.676 V
PACK = {"cell.volts": CELLS, "pack.amps": Decimal("-0.625")}


def fields(**arrays: Any) -> dict[str, Any]:
    """Fields of a converter: ``fields(grid_volts=["48", None])``."""
    return {
        name.replace("_", ".", 1): tuple(None if v is None else Decimal(v) for v in values)
        for name, values in arrays.items()
    }


def test_the_pack_of_the_documents() -> None:
    assert derive.pack_voltage(PACK) == Decimal("51.262")
    assert derive.pack_power(PACK) == Decimal("-32.0388")
    assert derive.lowest_cell_voltage(PACK) == Decimal("3.654")
    assert derive.highest_cell_voltage(PACK) == Decimal("3.676")
    assert derive.cell_spread(PACK) == 22


@pytest.mark.parametrize(
    "formula",
    [derive.pack_voltage, derive.pack_power, derive.lowest_cell_voltage, derive.cell_spread],
)
def test_a_cell_that_lacks_makes_a_gap(formula: Any) -> None:
    assert formula({**PACK, "cell.volts": (None, *CELLS[1:])}) is None
    assert formula({}) is None


def test_open_cells_and_fets_are_flags_by_position() -> None:
    found = {"cell.open": (1, 14), "fet.open": (2,)}
    assert derive.cells_open(found) == (1, *[0] * 12, 1)
    assert derive.fets_open(found) == (0, 1)
    assert derive.fets_open({"fet.open": ()}) == (0, 0)
    assert derive.cells_open({}) is None


def test_a_load_takes_power_whatever_the_sign_of_its_current() -> None:
    found = fields(load_volts=["48", "48", "48"], load_amps=["1.2", "-1.2", None])
    assert derive.load_power(found) == (Decimal("57.6"), Decimal("57.6"), None)


def test_three_phases_share_the_power_of_the_grid() -> None:
    found = fields(grid_volts=["48"] * 3, grid_amps=["1.2"] * 3, grid_pf=["0.92"] * 3)
    assert derive.grid_powers(found) == (Decimal("30.5949"),) * 3
    assert derive.grid_power(found) == Decimal("91.7848")


def test_one_phase_has_its_own_power() -> None:
    found = fields(grid_volts=["230"], grid_amps=["2"], grid_pf=["-0.5"])
    assert derive.grid_powers(found) == (Decimal(-230),)
    assert derive.grid_power(found) == -230


@pytest.mark.parametrize("lacks", ["grid_volts", "grid_amps", "grid_pf"])
def test_a_phase_that_lacks_makes_a_gap_in_the_whole(lacks: str) -> None:
    whole = {"grid_volts": ["48"] * 3, "grid_amps": ["1"] * 3, "grid_pf": ["1"] * 3}
    found = fields(**{**whole, lacks: ["1", None, "1"]})
    assert derive.grid_power(found) is None
    assert derive.grid_powers(found)[1] is None  # type: ignore[index]
