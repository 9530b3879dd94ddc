"""Formulas of derived quantities: pure functions over the fields of one sample.

A field is a :class:`~decimal.Decimal`, an integer, or a tuple of them with ``None``
where a reading is missing or faulty. A formula returns ``None`` (or an array with
``None``) where an operand is missing: a gap stays a gap. Results are rounded half up
to four decimals; nothing is rounded on input.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from flexmeasures_pms.catalogue.status import StatusBits, StatusField

Fields = Mapping[str, Any]
NumberArray = tuple[Decimal | None, ...]

ZERO = Decimal(0)
FOUR_DECIMALS = Decimal("0.0001")
SQRT_3 = Decimal(3).sqrt()


def round4(value: Decimal) -> Decimal:
    """Round half up to four decimals, as the field's documents do.

    A value that already has at most four decimals is returned unchanged.
    """
    if value.as_tuple().exponent >= -4:  # type: ignore[operator]
        return value
    return value.quantize(FOUR_DECIMALS, ROUND_HALF_UP)


def _of_cells(work: Callable[[Any], Decimal], fields: Fields) -> Decimal | None:
    """Compute from all 14 cell voltages; nothing where one is missing."""
    cells = fields.get("cell.volts")
    if cells is None:
        return None
    try:
        # Checking 14 decimals for None first takes longer than the sum.
        return work(cells)
    except TypeError:
        return None


def _sum(cells: Any) -> Decimal:
    return round4(sum(cells, ZERO))


def _spread(cells: Any) -> Decimal:
    return round4((max(cells) - min(cells)) * 1000)


def pack_voltage(fields: Fields) -> Decimal | None:
    """Sum of the 14 cell voltages [V], whatever the pack itself reports.

    3.654 … 3.676 V of the documents' example add up to 51.262 V.
    """
    return _of_cells(_sum, fields)


def pack_power(fields: Fields) -> Decimal | None:
    """Pack voltage x pack current [W], charging positive: 51.262 V x -0.625 A = -32.0388 W."""
    volts, amps = pack_voltage(fields), fields.get("pack.amps")
    return None if volts is None or amps is None else round4(volts * amps)


def lowest_cell_voltage(fields: Fields) -> Decimal | None:
    """Lowest of the 14 cell voltages [V]."""
    return _of_cells(min, fields)


def highest_cell_voltage(fields: Fields) -> Decimal | None:
    """Highest of the 14 cell voltages [V]."""
    return _of_cells(max, fields)


def cell_spread(fields: Fields) -> Decimal | None:
    """Highest less lowest cell voltage [mV]."""
    return _of_cells(_spread, fields)


def cells_open(fields: Fields) -> tuple[int, ...] | None:
    """For each of the 14 cells 1 if it is bypassed by balancing, else 0."""
    return _flags(fields.get("cell.open"), 14)


def fets_open(fields: Fields) -> tuple[int, ...] | None:
    """For each of the two FETs 1 if it is open, else 0."""
    return _flags(fields.get("fet.open"), 2)


def _flags(ordinals: tuple[int, ...] | None, size: int) -> tuple[int, ...] | None:
    if ordinals is None:
        return None
    if not ordinals:
        return (0,) * size
    return tuple(1 if n in ordinals else 0 for n in range(1, size + 1))


def _product(*operands: Decimal | None) -> Decimal | None:
    result = Decimal(1)
    for operand in operands:
        if operand is None:
            return None
        result *= operand
    return round4(result)


def _products(volts: NumberArray | None, amps: NumberArray | None) -> NumberArray | None:
    if volts is None or amps is None:
        return None
    return tuple(_product(v, a) for v, a in zip(volts, amps, strict=False))


def pv_power(fields: Fields) -> NumberArray | None:
    """Voltage x current of each PV string [W], production positive."""
    return _products(fields.get("pv.volts"), fields.get("pv.amps"))


def battery_power(fields: Fields) -> Decimal | None:
    """Battery voltage x current [W], charging positive."""
    return _product(fields.get("battery.volts"), fields.get("battery.amps"))


def load_power(fields: Fields) -> NumberArray | None:
    """Magnitude of voltage x current of each load [W].

    Devices disagree on the sign of a load's current; consumption is positive here.
    """
    powers = _products(fields.get("load.volts"), fields.get("load.amps"))
    return None if powers is None else tuple(p if p is None else abs(p) for p in powers)


def _grid_arrays(fields: Fields) -> tuple[Any, Any, Any] | None:
    volts, amps, factors = (fields.get(f"grid.{name}") for name in ("volts", "amps", "pf"))
    if volts is None or amps is None or factors is None:
        return None
    return volts, amps, factors


def _grid_share(arrays: tuple[Any, Any, Any]) -> Decimal:
    return SQRT_3 / 3 if len(arrays[0]) == 3 else Decimal(1)


def grid_powers(fields: Fields) -> NumberArray | None:
    """Power of each grid phase [W], positive into the grid.

    One or two phases: V x A x pf. Three phases report line-to-line volts, so that
    sqrt(3) x V x A x pf is the power of *all three* phases of a balanced supply
    (48 V x 1.2 A x 0.92 x sqrt(3) = 91.7848 W); a third of it is the phase's own
    share (30.5949 W), and the phases add up to the whole.
    """
    arrays = _grid_arrays(fields)
    if arrays is None:
        return None
    share = _grid_share(arrays)
    return tuple(_product(share, *phase) for phase in zip(*arrays, strict=False))


def grid_power(fields: Fields) -> Decimal | None:
    """Power of all grid phases together [W], positive into the grid.

    For three phases that is sqrt(3) x V x A x pf *averaged* over the phases: the sum
    of those figures would be three times the true power (275.35 W instead of
    91.78 W for three phases of 48 V x 1.2 A x 0.92). For one or two phases it is
    the plain sum of V x A x pf.
    """
    arrays = _grid_arrays(fields)
    if arrays is None:
        return None
    phases = list(zip(*arrays, strict=False))
    if not phases or any(None in phase for phase in phases) or len(phases) < len(arrays[0]):
        return None
    return round4(_grid_share(arrays) * sum((v * a * pf for v, a, pf in phases), Decimal(0)))


def status_bits(field: StatusField | StatusBits, fields: Fields) -> int | None:
    """Small integer of one status field, see :mod:`flexmeasures_pms.catalogue.status`."""
    code = fields.get("status.code")
    return None if code is None else field.decode(code)
